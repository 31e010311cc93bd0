"""Coming in through the organisation's own sign-in, OpenID Connect, against a provider of our own."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from dubbing.domain.review import Role
from tests.ui.browser.conftest import Open
from tests.ui.browser.identity import provider
from tests.ui.browser.live import running
from tests.ui.factory import make_home

pytest.importorskip("httpx", reason="st.login talks to a provider through httpx")


def test_an_identity_leads_to_the_account_of_its_address_and_no_further(tmp_path: Path, window: Open) -> None:
    home = make_home(tmp_path, lines=1)
    with home.desk("ada") as ada:
        ada.accounts.create("olga", "Olga", None, [Role.CLIENT], "olga@example.org")
    secrets = home.settings.home / "secrets.toml"
    secrets.write_text("[auth]\n")
    with provider() as known, running(home.settings.home, workers=False) as live:
        secrets.write_text(known.secrets(live.url))  # the address is known only now

        known.claims = {"sub": "666", "name": "Mallory", "email": "olga@example.org", "email_verified": False}
        mallory = window(live)
        mallory.page.get_by_role("button", name="organisation").click()
        expect(mallory.page.get_by_role("alert")).to_contain_text("has no role yet")
        assert mallory.page.get_by_role("heading", name="Projects").count() == 0

        known.claims = {"sub": "1", "name": "O.", "email": "Olga@example.org", "email_verified": True}
        olga = window(live)
        olga.page.get_by_role("button", name="organisation").click()
        expect(olga.page.get_by_role("heading", name="Projects")).to_be_visible()
        olga.key("shell_person").get_by_role("button").click()
        expect(olga.page.get_by_text("olga · ")).to_be_visible()
        olga.page.get_by_role("button", name="Sign out").click()
        expect(olga.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
        olga.go("/")
        expect(olga.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    with home.desk("ada") as ada:
        people = {one.login: one for one in ada.accounts.all()}
    assert people["olga"].roles == {Role.CLIENT} and not people["olga-2"].roles
