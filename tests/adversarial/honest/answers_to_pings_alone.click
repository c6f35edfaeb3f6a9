// Does: the whole responder in one element.
// Expected: third-party safe, client safe

FromNetfront() -> ICMPPingResponder -> ToNetfront();
