// Tries: the first late packet turns on a detour.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> IPMirror -> SetTimestamp -> TimeFilter(END_AFTER 60s, END_CALL detour.active true)
  -> detour :: Bypass(false);
detour [0] -> out :: ToNetfront();
detour [1] -> StoreIPAddress(203.0.113.9, src) -> [1] detour;
