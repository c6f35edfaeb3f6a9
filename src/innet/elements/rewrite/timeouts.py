"""What the rewriters with one time-out for all flows have in common."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from innet.elements.arguments import Annotation, Seconds
from innet.elements.rewrite.addressflows import PairFlows
from innet.elements.rewrite.family import FlowRewriter
from innet.elements.rewrite.pingflows import PingFlows


@dataclass(frozen=True)
class OneTimeout(FlowRewriter):
    """Base of the rewriters whose flows all stay for TIMEOUT after their last packet."""

    FLOWS: ClassVar[type[PingFlows | PairFlows]]

    _: KW_ONLY
    timeout: Annotated[int, Seconds()] = 300
    dst_anno: bool = True
    reply_anno: Annotated[int | None, Annotation(1)] = None

    @property
    def flows(self) -> PingFlows | PairFlows:
        return self.FLOWS(
            outputs=self.mapped,
            capacity=self.capacity_now,
            guarantee_s=self.guarantee,
            dst_anno=self.dst_anno,
            reply_anno=self.reply_anno,
            idle_s=self.timeout,
        )
