"""Golden model of the host ports (docs/chiplet.md)."""

from .egress import EgressState, egress_step, make_egress
from .ingress import IngressState, ingress_step, make_ingress

__all__ = ["EgressState", "IngressState", "egress_step", "ingress_step", "make_egress",
           "make_ingress"]
