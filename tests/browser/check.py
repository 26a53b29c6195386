#!/usr/bin/env python3
"""Goes through the operator page with Debian's chromium and says what is wrong with it.

    check.py URL DIRECTORY

URL is a server with the tokens `operator-token` and `viewer-token` and the alerts of `tests/it/page/scene.rs`.
Screenshots of every page in light, dark and phone width go to DIRECTORY. Exit status 1 and a line each where something
is wrong.
"""

import pathlib
import re
import sys
import time
import urllib.parse

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

URL, DIRECTORY = sys.argv[1], pathlib.Path(sys.argv[2])
PAGES = {
    "now": "/",
    "alerts": "/alerts?range=all",
    "executions": "/executions?range=all",
    "routes": '/routes?labels=alertname%3D"HostDown", instance%3D"db-7.example.net", severity%3D"critical"',
    "approvals": "/approvals",
    "stats": "/stats",
    "doctor": "/doctor",
    "audit": "/audit",
    "pause": "/pause",
    "confirm": "/order?order=replay&which=filter&dispatch_status=failed&back=%2Falerts",
    "missing": "/alerts/999999",
}
# What axe-core calls WCAG 2 level AA, and the rules below it.
AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SIZES = {"": (1440, 1000), "-phone": (390, 844)}
wrong: list[str] = []


def expect(holds: bool, what: str) -> None:
    if not holds:
        wrong.append(what)


def watched(context: BrowserContext) -> Page:
    """A page whose errors and requests to other hosts are wrong."""
    page = context.new_page()
    page.on("console", lambda message: message.type in ("error", "warning") and note(page, message.text))
    page.on("pageerror", lambda error: note(page, str(error)))
    page.on("request", lambda request: expect(request.url.startswith(URL), f"{page.url} asks {request.url}"))
    return page


def note(page: Page, text: str) -> None:
    # The browser says so of each answer that is an error; the pages that ask for one expect it.
    if "status of 40" not in text:
        wrong.append(f"{page.url}: console: {text}")


def until(page: Page, script: str) -> None:
    """Asks until it is true: the page's policy forbids the browser to do so by itself."""
    deadline = time.monotonic() + 60
    while not page.evaluate(script):
        if time.monotonic() > deadline:
            wrong.append(f"{page.url}: never true: {script}")
            return
        page.wait_for_timeout(100)


def signed_in(browser: Browser, token: str, **more: object) -> BrowserContext:
    context = browser.new_context(**more)
    page = context.new_page()
    page.goto(f"{URL}/login?next=%2Falerts")
    page.fill("#token", token)
    page.click("button.main")
    expect(page.url == f"{URL}/alerts", f"signing in led to {page.url}")
    page.close()
    return context


def first(page: Page, path: str, pattern: str) -> str:
    page.goto(URL + path)
    hrefs = page.eval_on_selector_all("main a[href]", "all => all.map(a => a.getAttribute('href'))")
    return next(href for href in hrefs if re.fullmatch(pattern, href))


def all_pages(context: BrowserContext) -> dict[str, str]:
    page = context.new_page()
    pages = dict(PAGES)
    pages["alert"] = first(page, "/executions?range=all&action=remediation.host_down_workflow", r"/alerts/\d+")
    pages["alert-held"] = first(page, "/alerts?range=all&reason=approval", r"/alerts/\d+")
    pages["request"] = first(page, pages["alert"], r"/requests/.*")
    pages["execution"] = first(page, "/executions?range=all&status=failed", r"/executions/.*")
    pages["resume"] = first(page, "/", r"/resume\?.*")
    page.close()
    return pages


def show(context: BrowserContext, theme: str, pages: dict[str, str]) -> None:
    """Screenshots, accessibility, no sideways scrolling, no alert text that became more than text."""
    page = watched(context)
    for suffix, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for name, path in pages.items():
            page.goto(URL + path)
            page.screenshot(
                path=DIRECTORY / f"{name}{suffix}-{theme}.png",
                full_page=suffix == "-phone" or name in ("now", "stats", "alert"),
            )
            where = f"{name}{suffix}-{theme}"
            # Dark on a phone has the colours of one and the layout of the other.
            looked = (
                Axe().run(page, options=AXE).response["violations"] if (theme, suffix) != ("dark", "-phone") else []
            )
            for violation in looked:
                nodes = "; ".join(node["html"][:160] for node in violation["nodes"][:3])
                wrong.append(f"{where}: axe {violation['id']}: {violation['help']}: {nodes}")
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            expect(wide <= 0, f"{where} scrolls sideways by {wide} px")
            expect(page.evaluate("window.hacked === undefined"), f"{where}: alert text was run as a script")
            expect(page.locator("main h1").count() == 1, f"{where} has not one heading")
    page.close()


def compare_durations(context: BrowserContext) -> None:
    """The longest execution of the list has the longest bar, and the connections stand beside every page."""
    page = watched(context)
    page.goto(f"{URL}/executions?range=all")
    widths = page.eval_on_selector_all(
        ".execs td.m svg .f", "all => all.map(bar => Number(bar.getAttribute('width')))"
    )
    expect(len(widths) > 10 and max(widths) == 100 and min(widths) > 0, f"the bars of durations are {widths}")
    connections = page.inner_text("#health")
    for part in ("Database", "RabbitMQ", "StackStorm", "Tracker"):
        expect(part in connections, f"connections are {connections}")
    page.close()


def use_keys(context: BrowserContext) -> None:
    page = watched(context)
    page.goto(f"{URL}/alerts?range=all")
    page.keyboard.press("j")
    page.keyboard.press("j")
    focused = page.evaluate("document.activeElement.getAttribute('href')")
    second = page.locator("a.key").nth(1).get_attribute("href")
    expect(focused == second, f"j j is at {focused}, not at {second}")
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.locator("input[name=id]").first.is_checked(), "x selects the row")
    expect(page.locator("[data-picked]").inner_text() == "1 selected", "the number of selected rows is shown")
    page.keyboard.press("?")
    expect(page.locator("dialog[open]").count() == 1, "? opens the help")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.evaluate("document.activeElement.id") == "q", "/ goes to the search field")
    page.keyboard.type("web-14.example.net")
    page.keyboard.press("Enter")
    page.wait_for_url("**/alerts?**instance=web-14.example.net**")
    expect(page.locator("a.key").count() == 2, "the search finds the instance that a pager shows")
    page.locator("a.key").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/alerts/*")
    page.close()


def keep_selection(context: BrowserContext) -> None:
    """Refresh waits while rows are selected, and happens when they are not."""
    page = watched(context)
    page.goto(f"{URL}/alerts?range=all")
    page.evaluate("document.querySelector('h1').dataset.old = '1'")
    page.locator("input[name=id]").first.check()
    until(page, "document.querySelector('[data-refresh-state]').textContent === 'Refresh waits for you'")
    expect(page.locator("h1[data-old]").count() == 1, "refresh replaced a page with a selected row")
    page.locator("input[name=id]").first.uncheck()
    until(page, "!document.querySelector('h1').dataset.old")
    page.close()


def order(context: BrowserContext) -> None:
    """Selects rows, reads the number, gives a reason, and sees the result: by forms and links alone."""
    page = watched(context)
    page.goto(f"{URL}/alerts?range=all&dispatch_status=failed")
    page.click("button[name=order][value=replay]")
    expect("no alert is selected" in page.inner_text("main"), "an order without rows says so")
    page.go_back()
    boxes = page.locator("input[name=id]")
    shown = boxes.count()
    boxes.first.check()
    page.click("button[name=order][value=replay]")
    expect(page.inner_text("h1") == "Replay 1 alert?", f"asked: {page.inner_text('h1')}")
    page.click("text=Cancel")
    page.check("input[name=which][value=filter]")
    page.click("button[name=order][value=discard]")
    expect(page.inner_text("h1") == f"Discard {shown} alerts?", f"asked: {page.inner_text('h1')}")
    page.goto(
        f"{URL}/order?order=replay&which=filter&dispatch_status=failed&reason=expired&back=%2Falerts%3Frange%3Dall"
    )
    page.fill("#why", "StackStorm is back")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect("1 matched, 1 replayed" in page.inner_text("main"), f"the result is not shown at {page.url}")
    page.close()


def refuse_viewers(browser: Browser) -> None:
    context = signed_in(browser, "viewer-token")
    page = watched(context)
    page.goto(f"{URL}/alerts?range=all")
    expect(page.locator("button[name=order], .btn.stop").count() == 0, "a viewer sees orders")
    for path, form in {
        "/order": "order=discard&id=1&at_most=1&why=x",
        "/pause": "scope=everything&why=x",
        "/resume": "id=1",
    }.items():
        script = """async ([path, body]) => (await fetch(path, { method: "POST", body,
            headers: { "content-type": "application/x-www-form-urlencoded" } })).status"""
        status = page.evaluate(script, [path, form])
        expect(status == 403, f"a viewer's POST to {path} is answered {status}")
    context.close()


def read_without_script(browser: Browser, pages: dict[str, str]) -> None:
    context = signed_in(browser, "operator-token", java_script_enabled=False)
    page = context.new_page()
    for name, path in pages.items():
        page.goto(URL + path)
        expect(page.locator("main h1").count() == 1, f"{name} needs JavaScript")
    page.goto(f"{URL}/alerts?range=all&dispatch_status=held")
    page.locator("input[name=id]").first.check()
    page.click("button[name=order][value=discard]")
    expect(page.inner_text("h1") == "Discard 1 alert?", "an order needs JavaScript")
    context.close()


def main() -> None:
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        bare = browser.new_context()
        login = watched(bare)
        login.goto(URL)
        login.screenshot(path=DIRECTORY / "login-light.png")
        expect(urllib.parse.urlparse(login.url).path == "/login", "who is not signed in is sent to sign in")
        light = signed_in(browser, "operator-token", color_scheme="light")
        pages = all_pages(light)
        show(light, "light", pages)
        show(signed_in(browser, "operator-token", color_scheme="dark"), "dark", pages)
        for step, run in {
            "durations": lambda: compare_durations(light),
            "keys": lambda: use_keys(light),
            "selection": lambda: keep_selection(light),
            "viewers": lambda: refuse_viewers(browser),
            "no script": lambda: read_without_script(browser, pages),
            "order": lambda: order(light),
        }.items():
            print(f"step: {step}", file=sys.stderr, flush=True)
            run()
        browser.close()


try:
    main()
finally:
    # Also what was found before a step that could not go on.
    print("\n".join(wrong))
sys.exit(1 if wrong else 0)
