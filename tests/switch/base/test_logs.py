"""Where log lines go."""

import pytest
import structlog

from switch.base import logs


def test_a_log_line_of_a_command_stood_before_its_json(capsys: pytest.CaptureFixture[str]) -> None:
    """`payswitch change request` printed a warning about the provider into what scripts parse."""
    structlog.reset_defaults()
    with logs.beside_output():
        structlog.get_logger().warning("openid_provider_away", cause="gaierror")
    out, err = capsys.readouterr()

    assert (out, "openid_provider_away" in err) == ("", True)
    assert not structlog.is_configured()
