"""Other people: grants and revokes by turns, each from an address of its own, at a steady rate until ended.

usage: load.py KNOC TOKENFILE GRANTS_PER_SECOND
"""
import http.client, sys, threading, time

knoc, tokens, rate = sys.argv[1], open(sys.argv[2]).read().split(), float(sys.argv[3])


def person(number, token):
    connection = http.client.HTTPConnection("10.78.0.1", 8756, source_address=(f"10.78.0.{10 + number}", 0))
    period = len(tokens) / rate
    due = time.monotonic() + period * number / len(tokens)
    while True:
        for method, share in (("POST", 0.5), ("DELETE", 0.5)):
            time.sleep(max(0, due - time.monotonic()))
            due += period * share
            connection.request(method, f"/api/v1/me/knocs/{knoc}/grant", headers={"Authorization": "Bearer " + token})
            connection.getresponse().read()


for number, token in enumerate(tokens):
    threading.Thread(target=person, args=(number, token), daemon=True).start()
time.sleep(3600)
