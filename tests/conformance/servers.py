"""Redis servers as processes of this machine: alone, over TLS, watched by sentinels, a cluster.

Each holds nothing on disk, listens on loopback and ends with its context.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import redis
import trustme
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.plugins.needs import path_of

HOST = "127.0.0.1"
SERVICE = "profiles"
SLOTS = 16_384
START_S = 20.0
_reserved: set[int] = set()


def find_free_port() -> int:
    """Answer a port that nobody listens on and that was not answered before."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in _reserved:
            _reserved.add(port)
            return port


def wait_until(holds: Callable[[], object], what: str, timeout_s: float = START_S) -> float:
    """Wait until ``holds`` is true; answer after how many seconds."""
    started_s = time.monotonic()
    while not _ask(holds):
        assert time.monotonic() - started_s < timeout_s, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)
    return time.monotonic() - started_s


def _ask(holds: Callable[[], object]) -> bool:
    try:
        return bool(holds())
    except redis.RedisError:
        return False


class RedisProcess:
    """One server; ``start`` may be called again after it was killed."""

    keeps_nothing: tuple[str, ...] = ("--save", "")

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        """Choose the options, besides those that keep it on loopback and off the disk."""
        program = path_of("redis-server")
        assert program is not None
        self.port = port or find_free_port()
        self.folder = folder / str(self.port)
        self._connect: dict[str, Any] = {"port": self.port}
        self._command = [program, *options, "--port", str(self.port), "--bind", HOST]
        self._command += ["--dir", str(self.folder), "--loglevel", "warning", *self.keeps_nothing]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of this server alone."""
        return f"redis://{HOST}:{self.port}/0"

    def __enter__(self) -> Self:
        """Start, and wait until it answers."""
        self.start()
        wait_until(lambda: self.client().ping(), f"an answer of the server in {self.folder}")
        return self

    def __exit__(self, *_: object) -> None:
        """End, whatever state it is in."""
        self.kill()

    def start(self) -> None:
        """Start the process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )

    def client(self) -> "redis.Redis":
        """Answer a client that never tries again."""
        return redis.Redis(
            host=HOST, protocol=2, socket_timeout=5, retry=Retry(NoBackoff(), 0), **self._connect
        )

    @staticmethod
    def client_of(port: int) -> "redis.Redis":
        """Answer a client of whatever listens on ``port``."""
        return redis.Redis(host=HOST, port=port, protocol=2, socket_timeout=5)

    def ask(self, *command: str | bytes | int) -> Any:
        """Answer what the server answers to one command."""
        with self.client() as client:
            return client.execute_command(*command)

    def signal(self, number: signal.Signals) -> None:
        """Freeze or thaw the process."""
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End the process without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class TlsServer(RedisProcess):
    """A server that speaks TLS only, to clients with a certificate and an ACL name of our own.

    The name may do what docs/how-to/run-in-production.md tells, with database 1.
    """

    NAME = "edge"
    PASSWORD = "s3cret@/with:reserved?letters"
    MAY = (
        "~test-* -@all +select +ping +hello +client|tracking +get +set +append +getrange +del "
        "+scan +eval +evalsha +type +rename +pexpire +sadd +srem +scard +smembers "
        "+sismember +hincrby +hlen +hexists +hgetall "
        "+hset +hget +hmget +zincrby +zremrangebyrank +zrevrange +zmscore +info +sdiff"
    )

    def __init__(self, folder: Path) -> None:
        """Make an authority, and certificates of the server and of a client."""
        port = find_free_port()
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        self.files = {name: str(folder / f"{name}.pem") for name in ("ca", "server", "client")}
        authority.cert_pem.write_to_path(self.files["ca"])
        for name, identity in (("server", HOST), ("client", "edge@shop.example")):
            issued = authority.issue_cert(identity)
            issued.private_key_and_cert_chain_pem.write_to_path(self.files[name])
        acl = f"user {self.NAME} on >{self.PASSWORD} {self.MAY}"
        (folder / "users.acl").write_text(f"{acl}\nuser default off\n", "utf-8")
        options = ["--tls-port", str(port), "--tls-auth-clients", "yes"]
        options += ["--tls-ca-cert-file", self.files["ca"]]
        options += ["--tls-cert-file", self.files["server"]]
        options += ["--tls-key-file", self.files["server"]]
        options += ["--aclfile", str(folder / "users.acl")]
        super().__init__(folder, *options)
        self._command += ["--port", "0"]
        query = f"ssl_ca_certs={self.files['ca']}"
        query += f"&ssl_certfile={self.files['client']}&ssl_keyfile={self.files['client']}"
        self._url = f"rediss://{self.NAME}:{quote(self.PASSWORD, safe='')}@{HOST}:{port}/1?{query}"
        self._connect = {
            "port": port,
            "db": 1,
            "ssl": True,
            "ssl_ca_certs": self.files["ca"],
            "ssl_certfile": self.files["client"],
            "ssl_keyfile": self.files["client"],
            "username": self.NAME,
            "password": self.PASSWORD,
        }

    @property
    def url(self) -> str:
        """The address with all that is needed to be let in."""
        return self._url


class Sentinels:
    """A master, its replicas and three sentinels that agree within a second or so."""

    def __init__(
        self, master: RedisProcess, replicas: Sequence[RedisProcess], ports: list[int]
    ) -> None:
        """Take what runs."""
        self.servers = [master, *replicas]
        self.url = f"redis+sentinel://{','.join(f'{HOST}:{port}' for port in ports)}/{SERVICE}/0"
        self._sentinels = ports

    def master(self) -> RedisProcess:
        """Answer the server that the first sentinel calls the master."""
        with RedisProcess.client_of(self._sentinels[0]) as sentinel:
            port = int(sentinel.sentinel_masters()[SERVICE]["port"])
        return next(server for server in self.servers if server.port == port)


@contextmanager
def start_sentinels(folder: Path) -> Iterator[Sentinels]:
    """Start one master with two replicas, and three sentinels."""
    with ExitStack() as stack:
        at_once = ("--repl-diskless-sync-delay", "0")
        master = stack.enter_context(RedisProcess(folder, *at_once))
        followers = ["--replicaof", f"{HOST} {master.port}", *at_once]
        replicas = [stack.enter_context(RedisProcess(folder, *followers)) for _ in range(2)]
        wait_until(lambda: all(map(_is_in_step, replicas)), "the replicas are in step")
        ports = [_start_sentinel(stack, folder, master.port) for _ in range(3)]
        sentinels = Sentinels(master, replicas, ports)
        wait_until(lambda: all(_knows_all(port) for port in ports), "the sentinels know all")
        yield sentinels


def _start_sentinel(stack: ExitStack, folder: Path, master_port: int) -> int:
    port = find_free_port()
    text = f"""
        sentinel monitor {SERVICE} {HOST} {master_port} 2
        sentinel down-after-milliseconds {SERVICE} 800
        sentinel failover-timeout {SERVICE} 4000
    """
    (folder / f"sentinel-{port}.conf").write_text(text, "utf-8")
    path = str(folder / f"sentinel-{port}.conf")
    process = _SentinelProcess(folder, path, "--sentinel", port=port)
    stack.enter_context(process)
    return port


class _SentinelProcess(RedisProcess):
    keeps_nothing = ()


def _is_in_step(server: RedisProcess) -> bool:
    with server.client() as client:
        return client.info("replication")["master_link_status"] == "up"


def _knows_all(port: int) -> bool:
    with RedisProcess.client_of(port) as sentinel:
        found = sentinel.sentinel_masters()[SERVICE]
        return found["num-slaves"] == 2 and found["num-other-sentinels"] == 2


class ClusterServers:
    """Three masters with a third of the slots each, and a replica of each."""

    def __init__(self, nodes: list[RedisProcess]) -> None:
        """Take what runs: three masters, then their replicas in the same order."""
        self.nodes = nodes
        self.url = f"redis+cluster://{HOST}:{nodes[0].port},{HOST}:{nodes[4].port}"

    def owner_of(self, slot: int) -> RedisProcess:
        """Answer the master of ``slot``, as the others see it."""
        ranges = self.nodes[-1].ask("CLUSTER SLOTS")
        port = next(master[1] for first, last, master, *_ in ranges if first <= slot <= last)
        return next(node for node in self.nodes if node.port == port)

    def replicates(self, master: RedisProcess) -> bool:
        """Tell whether ``master`` has a replica, and that has everything."""
        with master.client() as client:
            found = client.info("replication")
        offset = found["master_repl_offset"]
        return "slave0" in found and found["slave0"]["offset"] >= offset

    def begin_move(self, slot: int, source: RedisProcess, target: RedisProcess) -> None:
        """Let ``target`` take ``slot`` over, key by key."""
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.ask("CLUSTER", "MYID"))

    def keys_in(self, slot: int, node: RedisProcess) -> list[bytes]:
        """Answer the keys of ``slot``."""
        found: list[bytes] = node.ask("CLUSTER", "GETKEYSINSLOT", slot, 1_000)
        return found

    def move_key(self, key: bytes, source: RedisProcess, target: RedisProcess) -> None:
        """Move one key of a slot that moves."""
        source.ask("MIGRATE", HOST, target.port, key, 0, 5_000)

    def end_move(self, slot: int, source: RedisProcess, target: RedisProcess) -> None:
        """Move what came meanwhile, and make ``target`` the owner."""
        for key in self.keys_in(slot, source):
            self.move_key(key, source, target)
        for node in (target, source):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", target.ask("CLUSTER", "MYID"))


@contextmanager
def start_cluster(
    folder: Path, *more: str, node_timeout_ms: int = 2_000
) -> Iterator[ClusterServers]:
    """Start six nodes, with these options more, and join them."""
    with ExitStack() as stack:
        options = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(node_timeout_ms)]
        options += [
            "--repl-diskless-sync-delay",
            "0",
            "--cluster-replica-validity-factor",
            "0",
            *more,
        ]
        bus_ports = [find_free_port() for _ in range(6)]
        nodes = [
            stack.enter_context(RedisProcess(folder, *options, "--cluster-port", str(bus_port)))
            for bus_port in bus_ports
        ]
        _join(nodes, bus_ports)
        yield ClusterServers(nodes)


def _join(nodes: list[RedisProcess], bus_ports: list[int]) -> None:
    for at, node in enumerate(nodes):
        node.ask("CLUSTER", "SET-CONFIG-EPOCH", at + 1)
    for at, node in enumerate(nodes[:3]):
        node.ask("CLUSTER", "ADDSLOTSRANGE", SLOTS * at // 3, SLOTS * (at + 1) // 3 - 1)
    for node, bus_port in zip(nodes, bus_ports, strict=True):
        nodes[0].ask("CLUSTER", "MEET", HOST, node.port, bus_port)
    wait_until(lambda: all(_knows_of(node) == 6 for node in nodes), "all nodes have met")
    for master, replica in zip(nodes[:3], nodes[3:], strict=True):
        replica.ask("CLUSTER", "REPLICATE", master.ask("CLUSTER MYID").decode())
    wait_until(lambda: all(map(_is_in_step, nodes[3:])), "the replicas are in step")
    wait_until(lambda: all(map(_is_covered, nodes)), "the cluster is complete")


def _knows_of(node: RedisProcess) -> int:
    found = node.ask("CLUSTER NODES").values()
    return sum(each["connected"] and "handshake" not in each["flags"] for each in found)


def _is_covered(node: RedisProcess) -> bool:
    return node.ask("CLUSTER INFO")["cluster_state"] == "ok"
