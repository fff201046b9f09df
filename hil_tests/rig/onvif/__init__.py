"""A simulated ONVIF camera: found by WS-Discovery, described, turned, asked for pictures, and wrong on demand."""

from hil_tests.rig.onvif.camera import Behaviour, OwnRecord, SimulatedCamera, View
from hil_tests.rig.onvif.responder import answering_probes
from hil_tests.rig.onvif.server import ServedCamera, served

__all__ = ["Behaviour", "OwnRecord", "ServedCamera", "SimulatedCamera", "View", "answering_probes", "served"]
