"""TLS and SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512) against a broker that demands them."""
import os
import subprocess


from cluster import Broker, TARN, count, free_port, ingest

JAAS = "org.apache.kafka.common.security"
PASSWORD = "s3cret-of-tarn"


def certificate(folder):
    """A CA of its own and a broker's certificate for 127.0.0.1; (CA file, PEM with key and chain)."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test CA")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "broker.key", "-out", "broker.csr", "-subj", "/CN=127.0.0.1")
    with open(os.path.join(folder, "names"), "w", encoding="utf-8") as out:
        out.write("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "broker.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "broker.pem",
            "-days", "2", "-extfile", "names")
    pem = os.path.join(folder, "keystore.pem")
    with open(pem, "w", encoding="utf-8") as out:
        for name in ("broker.key", "broker.pem", "ca.pem"):
            with open(os.path.join(folder, name), encoding="utf-8") as part:
                out.write(part.read())
    return os.path.join(folder, "ca.pem"), pem


class SecureBroker(Broker):
    """PLAINTEXT for the test's own producer; SASL_SSL and SSL beside it."""

    def __init__(self, folder):
        os.makedirs(folder)
        self.ca, pem = certificate(folder)
        self.sasl, self.tls = free_port(), free_port()
        users = f'user_tarn="{PASSWORD}"'
        super().__init__(os.path.join(folder, "broker"), [
            f"listeners=PLAINTEXT://127.0.0.1:{{port}},SASL_SSL://127.0.0.1:{self.sasl},SSL://127.0.0.1:{self.tls},"
            "CONTROLLER://127.0.0.1:{{controller}}",
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},SASL_SSL://127.0.0.1:{self.sasl},SSL://127.0.0.1:{self.tls}",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "ssl.keystore.type=PEM", f"ssl.keystore.location={pem}", "inter.broker.listener.name=PLAINTEXT",
            f"listener.name.sasl_ssl.plain.sasl.jaas.config={JAAS}.plain.PlainLoginModule required {users};",
            f"listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={JAAS}.scram.ScramLoginModule required;",
            f"listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={JAAS}.scram.ScramLoginModule required;"])

    def format(self, *arguments):
        users = []
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            users += ["--add-scram", f"{mechanism}=[name=tarn,password={PASSWORD}]"]
        super().format(*users)


class Door:
    """What `ingest` needs of a broker: an address."""

    def __init__(self, port):
        self.address = f"127.0.0.1:{port}"


def refused(door, lake, into, *options):
    """The error in one line; lines before it told of trouble while it tried."""
    done = subprocess.run([TARN, "ingest", "kafka", "guarded", "--brokers", door.address, "--into", into, "--lake", lake, "--until-end",
                           *options], capture_output=True, text=True, timeout=120, check=False)
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and [line.startswith("tarn: error: ") for line in lines].count(True) == 1, done
    return lines[-1]


def secure(_, folder):
    """PLAIN, both SCRAMs and bare TLS read; a wrong password, a wrong CA and no TLS are one line and write nothing."""
    broker = SecureBroker(folder)
    broker.start()
    try:
        broker.create("guarded", 2)
        broker.produce("guarded", [b'{"a":%d}' % i for i in range(100)])
        os.environ["TARN_TEST_PASSWORD"] = PASSWORD
        os.environ["TARN_WRONG_PASSWORD"] = "not-it"
        lake = os.path.join(folder, "lake")
        tls = ["-X", f"ssl.ca.location={broker.ca}"]

        def sasl(mechanism, secret="env:TARN_TEST_PASSWORD"):
            return [*tls, "-X", "security.protocol=SASL_SSL", "-X", f"sasl.mechanism={mechanism}", "-X", "sasl.username=tarn",
                    "-X", f"sasl.password={secret}"]
        for number, mechanism in enumerate(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]):
            report = ingest(Door(broker.sasl), lake, "guarded", f"bronze.by_{number}", *sasl(mechanism))
            assert report["rows"] == 100, (mechanism, report)
        assert ingest(Door(broker.tls), lake, "guarded", "bronze.tls", *tls, "-X", "security.protocol=SSL")["rows"] == 100
        told = refused(Door(broker.sasl), lake, "bronze.other", *sasl("SCRAM-SHA-512", "env:TARN_WRONG_PASSWORD"))
        assert "SASL authentication error" in told and "not-it" not in told, told
        told = refused(Door(broker.tls), lake, "bronze.other", "-X", "security.protocol=SSL")
        assert "certificate" in told, told
        assert count(lake, "bronze.other") == 0
        done = subprocess.run([TARN, "ingest", "kafka", "guarded", "--brokers", f"127.0.0.1:{broker.sasl}", "--into", "bronze.x",
                               "--lake", lake, "-X", "security.protocol=SASL_SSL", "-X", "sasl.password=plain"], capture_output=True,
                              text=True, timeout=60, check=False)
        assert done.returncode == 2 and "by reference" in done.stderr, done.stderr
    finally:
        broker.stop()
    return ""


CASES = [secure]
