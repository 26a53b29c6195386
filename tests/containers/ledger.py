"""Webhooks that are posted until they are accepted, and what StackStorm ran for them."""

import collections
import datetime
import json
import threading
import time

from deployment import fetch

PAGE = 100


def alert(instance):
    """A webhook's body with one alert, as Alertmanager writes it."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    labels = {"alertname": "PoundCakeTest", "instance": instance}
    one = {"status": "firing", "labels": labels, "annotations": {}, "startsAt": now, "endsAt": "0001-01-01T00:00:00Z"}
    return json.dumps({"version": "4", "status": "firing", "receiver": "image-test", "alerts": [one]}).encode()


class Load:
    """Posts a new alert at each tick; like Alertmanager it posts the same again until the answer is 2xx."""

    def __init__(self, url, token, per_second, workers=4, name="load"):
        self.url, self.token, self.pause = url, token, 1 / per_second
        self.workers, self.name = workers, name
        self.accepted, self.moments = [], {}
        self.answers, self.unanswered = collections.Counter(), 0
        self.stop = threading.Event()
        self.threads = []

    def __enter__(self):
        # Several at once: one that waits for an answer does not stop the others.
        self.threads = [
            threading.Thread(target=self.post_all, args=(worker,), daemon=True) for worker in range(self.workers)
        ]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def post_all(self, worker):
        number = 0
        while not self.stop.is_set():
            instance = f"{self.name}-{worker}-{number}"
            body = alert(instance)
            while not self.post(body):
                time.sleep(1)
            self.moments[instance] = time.time()
            self.accepted.append(instance)
            number += 1
            time.sleep(self.pause * len(self.threads))

    def post(self, body):
        try:
            status, _ = fetch(self.url, body, Authorization=f"Bearer {self.token}", Content_Type="application/json")
        except OSError:
            self.unanswered += 1
            return False
        self.answers[status] += 1
        return status < 500


def executions(api, action):
    """All executions of an action, as StackStorm's API lists them; nothing new may start meanwhile."""
    found = []
    while True:
        query = f"action={action}&sort_asc=True&include_attributes=parameters,start_timestamp"
        page_of = f"limit={PAGE}&offset={len(found)}"
        status, text = fetch(f"{api}/executions?{query}&{page_of}", St2_Api_Key="poundcake-demo-key")
        assert status == 200, (status, text)
        page = json.loads(text)
        found += page
        if len(page) < PAGE:
            return found


def balance(api, accepted):
    """(alerts without an execution, alerts with several, executions that nobody asked for)."""
    ran = collections.Counter(each["parameters"]["message"] for each in executions(api, "core.echo"))
    missing = [instance for instance in accepted if not ran[instance]]
    several = {instance: count for instance, count in ran.items() if count > 1}
    return missing, several, sorted(set(ran) - set(accepted))
