"""The agent on the box: it runs modules and middleboxes on the frames that its ports give it.

A controller speaks to it through `PlatformAgent`, with plain data. `Agent` dispatches packets by destination address,
enforces what proofs assume, and keeps accounts; `RunningMiddlebox` runs an operator's Click configuration. Both are
`Box`es: `Driver` runs boxes on the kernel's ports in real time, `Simulation` on an in-process network in virtual time.
The platform never verifies; it does what it is told and reports what it did.
"""

from innet.platform.agent import Agent
from innet.platform.drive import Driver, real_clock
from innet.platform.middlebox import RunningMiddlebox
from innet.platform.module import RunningModule
from innet.platform.ports import Box, PollablePort, Port
from innet.platform.protocol import Deployment, ModuleReport, Observation, PlatformAgent, Traffic
from innet.platform.simulation import Arrival, Simulation
from innet.platform.standby import AbsentAgent, StandbyAgent

__all__ = [
    "AbsentAgent",
    "Agent",
    "Arrival",
    "Box",
    "Deployment",
    "Driver",
    "ModuleReport",
    "Observation",
    "PlatformAgent",
    "PollablePort",
    "Port",
    "RunningMiddlebox",
    "RunningModule",
    "Simulation",
    "StandbyAgent",
    "Traffic",
    "real_clock",
]
