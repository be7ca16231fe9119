"""`wa doctor`: looks at everything a bridge stands on and says what is wrong and what to do about it.

It changes nothing and takes no lock, so it may be run beside a bridge at any time. Where something can be proven it is
proven: a subscription by a delivery, a browser by a page, an address by a request.
"""

from bridge.ops.doctor.examination import Examination, examine
from bridge.ops.doctor.findings import Finding, Level, worst

__all__ = ["Examination", "Finding", "Level", "examine", "worst"]
