// Tries: code that nobody can look into.
// Cheats as: third-party, client
// Expected: third-party refused, client refused

FromNetfront() -> Opaque(x86) -> ToNetfront();
