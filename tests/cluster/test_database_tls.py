"""TLS between the database machines, with the files of docs/operate/patroni: replication and etcd."""

import ssl
import urllib.error
import urllib.request

import pytest

from tests.cluster import databases

pytestmark = [pytest.mark.chaos, pytest.mark.long]
_ENCRYPTED = (
    "SELECT usename, count(*) FROM pg_stat_replication JOIN pg_stat_ssl USING (pid) WHERE ssl GROUP BY 1"
)


@pytest.mark.timeout(400)
def test_replication_and_etcd_are_encrypted_and_a_standby_takes_over() -> None:
    with databases.running(tls=True) as cluster:
        primary = cluster.primary()

        assert primary.sql(_ENCRYPTED) == "replicator|2"
        for member in cluster.members.values():
            with pytest.raises((urllib.error.URLError, ConnectionError)):
                urllib.request.urlopen(f"http://{member.machine.address}:2379/version", timeout=3)
            stranger = ssl.create_default_context(cafile=member.directory / "tls" / "ca.crt")
            with pytest.raises((urllib.error.URLError, ssl.SSLError)):
                urllib.request.urlopen(
                    f"https://{member.machine.address}:2379/version", timeout=3, context=stranger
                )
        primary.sql("CREATE TABLE kept AS SELECT 1 AS one")
        primary.machine.lose_power()
        databases.until(lambda: any(_leads(one) for one in cluster.others(primary)), "a standby is promoted")
        (successor,) = [one for one in cluster.others(primary) if _leads(one)]

        assert successor.sql("SELECT one FROM kept") == "1"


def _leads(member: databases.Database) -> bool:
    status = member.status()
    return status.get("role") in databases.PRIMARY and status.get("state") == "running"
