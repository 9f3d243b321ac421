"""The pages that are derived from the code say what the code says."""

from pathlib import Path

from workers.settings import SettingsSchema

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_every_setting_is_described_with_its_default_and_an_example():
    page = PAGE.read_text(encoding="utf-8")

    for name, setting in SettingsSchema().fields.items():
        row = next((line for line in page.splitlines() if line.startswith(f"| `{name}` ")), "")
        assert str(setting.metadata["text"]) in row, name
        assert str(setting.metadata["example"]) in row, name


def test_the_readme_stays_under_200_lines():
    readme = Path(__file__).parents[2] / "README.md"

    assert len(readme.read_text(encoding="utf-8").splitlines()) < 200
