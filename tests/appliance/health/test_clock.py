"""How far the box's clock can be believed."""

from appliance.health.clock import Clock, ClockGauge
from appliance.health.whereabouts import boot_id, probe_urls
from federation.messages import ClockState

RIGHT, WRONG = ClockState.SYNCHRONISED, ClockState.UNSYNCHRONISED


def test_a_clock_is_not_believed_before_anybody_vouches_for_it() -> None:
    assert Clock().looked_at(1000.0, kernel=False).state is WRONG
    assert Clock().looked_at(1000.0, kernel=True).state is RIGHT


def test_the_hubs_clock_vouches_for_ours_until_it_is_stepped() -> None:
    agreed = Clock().compared(0.4, 0.1, 1000.0)

    assert agreed.looked_at(1000.5, kernel=False).state is RIGHT
    stepped = agreed.looked_at(1000.0 + 86_400, kernel=False)
    assert stepped.state is WRONG
    assert stepped.looked_at(1000.0, kernel=False).state is WRONG  # stepped back: who knows which was right


def test_the_hub_is_believed_more_than_the_kernel_until_the_clock_is_set() -> None:
    denied = Clock().looked_at(1000.0, kernel=True).compared(-3600.0, 0.1, 1000.0)

    assert (denied.state, denied.offset_s) == (WRONG, -3600.0)
    assert denied.looked_at(1000.0, kernel=True).state is WRONG
    assert denied.looked_at(4600.0, kernel=True).state is RIGHT


def test_a_slow_link_makes_no_clock_wrong() -> None:
    assert Clock().compared(6.0, 10.0, 1000.0).state is RIGHT
    assert Clock().compared(6.0, 0.5, 1000.0).state is WRONG


def test_the_gauge_reads_this_machine() -> None:
    gauge = ClockGauge()
    gauge.compare(0.0, 0.01)

    assert gauge.look().state is RIGHT


def test_a_box_is_found_where_its_panel_listens() -> None:
    everywhere = probe_urls("http://0.0.0.0:8090")

    assert probe_urls("http://10.1.2.3:8090") == ("http://10.1.2.3:8090",)
    assert probe_urls("https://[fd00::7]:8443") == ("https://[fd00::7]:8443",)
    assert probe_urls("http://panel.local:8090") == probe_urls("") == ()
    assert all(url.endswith(":8090") and "127." not in url and "0.0.0.0" not in url for url in everywhere)
    assert len(boot_id()) == 36
