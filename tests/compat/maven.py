"""Apache Kafka and its tools as the package registry has them: jars, no scripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit import must, once

KAFKA = "4.3.1"
ARTIFACTS = (
    ("org.apache.kafka", "kafka_2.13", KAFKA),
    ("org.apache.kafka", "kafka-tools", KAFKA),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.5"),
)
# Many short-lived programs on few cores: little heap, the quick compiler, one thread for garbage.
JVM = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djava.awt.headless=true")


def fetch(folder: Path, artifacts: Sequence[tuple[str, str, str]] = ARTIFACTS) -> None:
    """Jars of these artifacts and of what they need, into `folder`/jars."""

    def make() -> None:
        dependencies = "".join(
            f"<dependency><groupId>{g}</groupId><artifactId>{a}</artifactId><version>{v}</version></dependency>"
            for g, a, v in artifacts
        )
        (folder / "pom.xml").write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>compat</groupId><artifactId>compat</artifactId>"
            f"<version>1</version><dependencies>{dependencies}</dependencies></project>"
        )
        words = ["mvn", "-B", "-q", "dependency:copy-dependencies", "-DoutputDirectory=jars", "-DincludeScope=runtime"]
        must(words, 600, cwd=folder)

    once(folder, repr(artifacts), make)


def java(folder: Path, main: str, *words: str) -> list[str]:
    """The command line of a main class among the jars of `folder`."""
    quiet = folder / "log4j2.properties"
    if not quiet.exists():
        quiet.write_text("rootLogger.level=ERROR\n")
    return [*JVM, f"-Dlog4j2.configurationFile={quiet}", "-cp", f"{folder / 'jars'}/*", main, *words]
