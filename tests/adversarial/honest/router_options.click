// Does: does a router's part of IPv4's options before it answers.
// Expected: third-party safe, client safe

FromNetfront() -> options :: IPGWOptions($ADDR);
options [0] -> IPMirror -> out :: ToNetfront();
options [1] -> ICMPError($ADDR, parameterproblem) -> out;
