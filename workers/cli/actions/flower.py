"""Run ``vtex-erp flower``."""

from workers.app import FLOWER_SETTINGS, app


def start_flower(port: int | None, address: str | None, options: tuple[str, ...]) -> None:
    """Start Flower with the settings of ``flowerconfig``, from any current folder."""
    chosen = {"port": port, "address": address}
    named = [f"--{name}={value}" for name, value in chosen.items() if value is not None]
    app.start(["flower", f"--conf={FLOWER_SETTINGS}", *named, *options])
