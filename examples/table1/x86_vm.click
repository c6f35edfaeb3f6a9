// x86 VM
// Runs code that nobody can look into.
FromNetfront() -> Opaque(x86) -> ToNetfront()
