// Tries: the output for what is wrong is connected to the way out.
// Cheats as: third-party, client
// Expected: third-party sandbox, client sandbox

elementprogram Token(TOKEN bytes[4]) {
  optional output 1 "wrong token"
  if transport[8+4] != TOKEN { emit 1 }
  emit 0
}

FromNetfront() -> IPMirror -> token :: Token("GS01");
token [0] -> out :: ToNetfront();
token [1] -> StoreIPAddress(203.0.113.9, src) -> out;
