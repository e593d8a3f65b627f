"""A page as a test opens it, and its words."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

APP = Path(__file__).resolve().parents[2] / "app.py"


def page(name: str, **address: str) -> AppTest:
    """A page of the app with this address, not drawn yet."""
    app = AppTest.from_file(str(APP), default_timeout=60).switch_page(f"pages/{name}.py")
    app.query_params.update(address)
    return app


def words(app: AppTest) -> str:
    """The text of a page, and its messages."""
    kinds = (app.markdown, app.caption, app.error, app.toast, app.warning)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")
