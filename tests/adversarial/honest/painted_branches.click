// Does: two branches that are told apart by paint, both of which answer.
// Expected: third-party safe, client safe

FromNetfront() -> kinds :: IPClassifier(tcp, -);
kinds [0] -> Paint(1) -> m :: IPMirror -> way :: PaintSwitch;
kinds [1] -> Paint(0) -> m;
way [0] -> out :: ToNetfront();
way [1] -> SetIPDSCP(10) -> out;
