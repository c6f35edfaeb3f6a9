"""Every element class that the catalogue of Click's elements lists is there, by tier."""

import pytest

from innet.elements.registry import REGISTRY

TIER_1 = """
FromNetfront FromDevice ToNetfront ToDevice Classifier IPFilter IPClassifier CheckIPHeader CheckIPHeader2 MarkIPHeader
CheckTCPHeader CheckUDPHeader CheckICMPHeader CheckLength DropBroadcasts HostEtherFilter DecIPTTL GetIPAddress
SetIPAddress StoreIPAddress SetIPChecksum SetTCPChecksum SetUDPChecksum SetIPDSCP SetIPECN IPMirror IPGWOptions FixIPSrc
IPFragmenter IPInputCombo IPOutputCombo LinearIPLookup StaticIPLookup RadixIPLookup DirectIPLookup RangeIPLookup
SortedIPLookup LookupIPRoute ICMPError ICMPPingResponder Strip Unstrip StripIPHeader UnstripIPHeader
StripToNetworkHeader IPEncap UDPIPEncap EtherEncap EtherRewrite EnsureEther EtherMirror StoreEtherAddress VLANEncap
VLANDecap EtherVLANEncap StripEtherVLANHeader SetVLANAnno ARPQuerier ARPTable ARPResponder IPRewriter TCPRewriter
UDPRewriter IPAddrRewriter IPAddrPairRewriter ICMPPingRewriter ICMPRewriter IPRewriterPatterns RoundRobinIPMapper
SourceIPHashMapper Queue SimpleQueue NotifierQueue QuickNoteQueue FullNoteQueue ThreadSafeQueue MSQueue FrontDropQueue
MixedQueue Unqueue TimedUnqueue Burster RatedUnqueue BandwidthRatedUnqueue Shaper BandwidthShaper DelayShaper
DelayUnqueue LinkUnqueue RatedSplitter BandwidthRatedSplitter Meter BandwidthMeter RoundRobinSched PrioSched DRRSched
StrideSched SimpleRoundRobinSched SimplePrioSched Switch StaticSwitch PullSwitch StaticPullSwitch InputSwitch
RoundRobinSwitch RandomSwitch StrideSwitch HashSwitch PaintSwitch Paint CheckPaint PaintTee Tee PullTee Discard Idle
Null PushNull PullNull Suppressor Bypass Hub Counter AverageCounter AggregateIP AggregateIPFlows AggregateLength
AggregatePaint AggregateCounter ChangeEnforcer StringMatcher AddressInfo PortInfo AnnotationInfo ScheduleInfo
AlignmentInfo DevirtualizeInfo FlowInfo ClickyInfo StaticThreadSched Error Message
"""
TIER_2 = """
InfiniteSource RatedSource TimedSource RandomSource ICMPPingSource ICMPSendPings FastUDPSource FastUDPFlows
FastTCPFlows TimedSink FromDump ToDump FromIPSummaryDump ToIPSummaryDump Truncate Pad Resize Align StoreData SetCRC32
CheckCRC32 SetAnnoByte MarkMACHeader SetPacketType SetEtherAddress GetEtherAddress SetTimestamp StoreTimestamp
AdjustTimestamp SetTimestampDelta RandomSample RandomBitErrors EraseIPPayload TruncateIPPayload AnonymizeIPAddr MarkIPCE
IPReassembler TCPFragmenter ICMPPingEncap ICMPIPEncap DynamicUDPIPEncap SetRandIPAddress IPRateMonitor Block
CompareBlock RED AdaptiveRED PI CoDel FTPPortMapper ARPFaker CheckARPHeader EtherSwitch ListenEtherSwitch TimeFilter
TimeRange TimestampAccum AggregateFilter AggregateFirst AggregateLast AggregatePacketCounter AggregateIPAddrPair
TimeSortedSched Print IPPrint ARPPrint IP6Print Script DriverManager ProgressBar QuitWatcher HandlerProxy CheckIP6Header
MarkIP6Header DecIP6HLIM GetIP6Address SetIP6Address SetIP6DSCP LookupIP6Route IP6Encap UDPIP6Encap IP6Mirror
IP6Fragmenter ICMP6Error IP6NDSolicitor IP6NDAdvertiser
"""
TIER_3 = """
Clipboard CPUQueue CPUSwitch BalancedThreadSched IPFieldInfo IPNameInfo EnsureDPDKBuffer DPDKInfo SimplePullSwitch
SimpleIdle DiscardNoFree Unqueue2 PrintOld EtherPauseSource PollDevice FromDPDKDevice ToDPDKDevice IPDecap EtherDecap
ClampMTU
"""


@pytest.mark.parametrize("tier", [TIER_1, TIER_2, TIER_3], ids=["1", "2", "3"])
def test_every_class_of_the_tier_is_there(tier: str):
    assert [name for name in tier.split() if name not in REGISTRY] == []


def test_there_are_as_many_as_promised():
    assert len(REGISTRY.classes()) >= 150
