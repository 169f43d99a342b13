"""The network sensor's file: Suricata EVE, one record a line.

The intrusion (one workstation and two outside addresses), a scanner from outside that fires one rule
about 150 times, an authorised scan inside, and an ordinary morning. One line is cut short.
"""

from datetime import datetime

from countersign.demo.world import (
    CONTROLLER,
    DESKS,
    INSIDE_SCANNER,
    INTRUDER,
    LURE_HOST,
    OUTSIDE_SCANNER,
    RESOLVER,
    STAGING,
    VICTIM_IP,
    Line,
    Record,
    after,
    at,
    chooser,
    fingerprint,
    number,
)

SENSOR = "edge-1"
MIRROR = "192.0.2.200"
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/122.0 Safari/537.36"
INTERPRETER = "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-GB) WindowsPowerShell/5.1.19041.4170"
BEACONS, BEACON_EVERY_S = 22, 300
SCANNED = 150
RULES = {  # name: (id, category, severity)
    "HARBOURLIGHT PHISHING lookalike of own domain in TLS SNI": (9100011, "Credential phishing", 2),
    "HARBOURLIGHT POLICY macro document from a domain first seen today": (9100012, "Policy", 2),
    "HARBOURLIGHT MALWARE program fetched by a script interpreter": (9100021, "Trojan activity", 1),
    "HARBOURLIGHT C2 regular TLS session with self-signed certificate": (9100031, "Command and control", 1),
    "HARBOURLIGHT EXFIL large upload to an address without a name": (9100041, "Data loss", 1),
    "HARBOURLIGHT ACCESS remote desktop gateway session from a new network": (9100051, "Policy", 2),
    "HARBOURLIGHT SCAN request for a known administration page": (9100301, "Attempted information leak", 3),
    "HARBOURLIGHT SCAN vulnerability scanner user agent": (9100302, "Attempted information leak", 2),
    "HARBOURLIGHT WEB probe for SQL injection": (9100303, "Web application attack", 2),
    "HARBOURLIGHT INFO software update over plain HTTP": (9100401, "Not suspicious traffic", 3),
    "HARBOURLIGHT INFO internal name asked of an outside resolver": (9100402, "Misc activity", 3),
    "HARBOURLIGHT POLICY building control administered without encryption": (9100061, "Policy", 2),
    "HARBOURLIGHT POLICY program file sent to building control": (9100062, "Policy", 2),
    "HARBOURLIGHT POLICY table of records sent by building control": (9100063, "Policy", 2),
}


def stamp(when: datetime) -> str:
    """The sensor's time format: microseconds, `+0000`."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f+0000")


def eve(
    kind: str, when: datetime, src: str, dst: str, dport: int, *, session: str = "", **more: object
) -> Record:
    """One EVE record; flow id and source port follow from the ends and the session (or the minute)."""
    words = (src, dst, str(dport), session or stamp(when)[:16])
    return {
        "timestamp": stamp(when),
        "flow_id": 10**14 + number(9 * 10**14, *words),
        "in_iface": "ens5",
        "event_type": kind,
        "src_ip": src,
        "src_port": 49152 + number(16000, *words),
        "dest_ip": dst,
        "dest_port": dport,
        "proto": "UDP" if dport == 53 else "TCP",
        **more,
        "host": SENSOR,
    }


def alert(
    rule: str, when: datetime, src: str, dst: str, dport: int, *, session: str = "", **more: object
) -> Record:
    """An alert record of one of `RULES`."""
    number_, category, severity = RULES[rule]
    raised: Record = {
        "action": "allowed",
        "gid": 1,
        "signature_id": number_,
        "rev": 2,
        "signature": rule,
        "category": category,
        "severity": severity,
    }
    return eve("alert", when, src, dst, dport, session=session, alert=raised, **more)


def http(host: str, url: str, agent: str, status: int, length: int) -> Record:
    """The `http` part of a record; `length` in bytes."""
    return {
        "hostname": host,
        "url": url,
        "http_user_agent": agent,
        "http_method": "GET",
        "protocol": "HTTP/1.1",
        "status": status,
        "length": length,
    }


def flow(start: datetime, seconds: float, sent: int, received: int) -> Record:
    """The `flow` part of a record: start, seconds, bytes each way."""
    return {
        "pkts_toserver": sent // 900 + 4,
        "pkts_toclient": received // 900 + 4,
        "bytes_toserver": sent,
        "bytes_toclient": received,
        "start": stamp(start),
        "end": stamp(after(start, seconds)),
        "age": int(seconds),
        "state": "closed",
        "reason": "timeout",
    }


def answer(when: datetime, client: str, name: str, address: str) -> Record:
    """A DNS answer, one address for one name."""
    said = [{"rrname": name, "rrtype": "A", "ttl": 300, "rdata": address}]
    asked = {"type": "answer", "id": number(65000, name), "rrname": name, "rrtype": "A", "rcode": "NOERROR"}
    return eve("dns", when, client, RESOLVER, 53, dns={**asked, "answers": said})


def lure() -> list[Line]:
    """The click, the document and the program that it fetched."""
    tls = {"sni": LURE_HOST, "version": "TLS 1.3", "fingerprint": fingerprint("lure")[:40]}
    asked, shook, took, ran = at("09:02:30.412"), at("09:02:31.077"), at("09:02:58.310"), at("09:04:24.655")
    form = http(LURE_HOST, "/forms/Travel-Claim-Form.docm", BROWSER, 200, 88214)
    program = http(LURE_HOST, "/u.bin", INTERPRETER, 200, 311808)
    rules = list(RULES)
    ends = (VICTIM_IP, CONTROLLER)
    return [
        Line(asked, answer(asked, VICTIM_IP, LURE_HOST, CONTROLLER), "dns"),
        Line(shook, alert(rules[0], shook, *ends, 443, tls=tls), "alert-sni"),
        Line(took, eve("http", took, *ends, 80, http=form), "document"),
        Line(took, alert(rules[1], took, *ends, 80, http=form), "alert-document"),
        Line(ran, eve("http", ran, *ends, 80, http=program), "program"),
        Line(ran, alert(rules[2], ran, *ends, 80, http=program), "alert-program"),
    ]


def beacon() -> list[Line]:
    """22 flows, one every 300 s (at most 2 s off), and the two alerts that noticed them."""
    choice, lines = chooser("beacon"), []
    rule = list(RULES)[3]
    for turn in range(BEACONS):
        start = after(at("09:04:40.200"), turn * BEACON_EVERY_S + choice.randrange(-2000, 2000) / 1000)
        sent = flow(start, 2.1, 1180 + choice.randrange(90), 640 + choice.randrange(60))
        record = eve(
            "flow",
            after(start, 2.1),
            VICTIM_IP,
            CONTROLLER,
            443,
            session=f"beacon {turn}",
            app_proto="tls",
            flow=sent,
        )
        mark = {0: "beacon-first", BEACONS - 1: "beacon-last"}.get(turn, "")
        lines.append(Line(after(start, 2.1), record, mark))
        if turn in (5, 12):
            seen = {"version": "TLS 1.2"}
            ends = (VICTIM_IP, CONTROLLER)
            raised = alert(rule, after(start, 1), *ends, 443, session=f"beacon {turn}", tls=seen)
            lines.append(Line(after(start, 1), raised, f"alert-beacon-{turn}"))
    return lines


def theft() -> list[Line]:
    """The upload of the memory dump, and the way back in."""
    rules = list(RULES)
    left, came = at("09:24:50.118"), at("09:33:08.540")
    upload = flow(left, 71.4, 54_630_912, 201_334)
    session = flow(came, 1804.0, 2_903_114, 18_240_377)
    ended = after(left, 71.4)
    return [
        Line(
            after(left, 60),
            alert(rules[4], after(left, 60), VICTIM_IP, INTRUDER, 443, session="upload"),
            "alert-upload",
        ),
        Line(
            ended,
            eve("flow", ended, VICTIM_IP, INTRUDER, 443, session="upload", app_proto="tls", flow=upload),
            "upload",
        ),
        Line(came, alert(rules[5], came, INTRUDER, "192.0.2.30", 443, session="gateway"), "alert-gateway"),
        Line(
            after(came, 1804),
            eve(
                "flow",
                after(came, 1804),
                INTRUDER,
                "192.0.2.30",
                443,
                session="gateway",
                app_proto="tls",
                flow=session,
            ),
            "gateway-flow",
        ),
    ]


def outside_scan() -> list[Line]:
    """One rule, about 150 times over four hours, against twelve hosts; ten lines come twice."""
    choice, lines = chooser("outside scan"), []
    pages = ["/admin", "/manager/html", "/wp-login.php", "/.env", "/console", "/phpmyadmin/"]
    rule = list(RULES)[6]
    for turn in range(SCANNED):
        when = after(at("07:20:00"), turn * 104 + choice.randrange(60_000) / 1000)
        target = f"192.0.2.{80 + turn % 12}"
        seen: Record = {"url": pages[choice.randrange(len(pages))], "http_method": "GET", "status": 404}
        record = alert(rule, when, OUTSIDE_SCANNER, target, (80, 443, 8080)[choice.randrange(3)], http=seen)
        lines.append(Line(when, record, copies=2 if turn % 15 == 7 else 1))
    return lines


def authorised_scan() -> list[Line]:
    """24 alerts on one staging server. The user agent only says that it is allowed; the register shows it."""
    choice, lines = chooser("authorised scan"), []
    agent = "harbourlight-vulnscan/4 (authorised scanner)"
    rules = list(RULES)
    for turn in range(24):
        when = after(at("10:30:00"), turn * 45 + choice.randrange(9000) / 1000)
        rule = rules[8] if turn % 3 == 2 else rules[7]
        seen = http("staging.harbourlight.example", f"/shop/part{turn % 6}?id={turn % 2}", agent, 200, 5120)
        record = alert(rule, when, INSIDE_SCANNER, STAGING, 8443, http=seen)
        lines.append(Line(when, record, {0: "scan-first", 23: "scan-last"}.get(turn, "")))
    return lines


def morning() -> list[Line]:
    """Ordinary traffic of the desks, with two kinds of routine alert."""
    choice, lines = chooser("network morning"), []
    sites = [
        ("intranet", "10.20.0.80"),
        ("mail", "10.20.0.25"),
        ("files", "10.20.1.11"),
        ("wiki", "10.20.0.81"),
    ]
    desks = list(DESKS.values())
    for turn in range(44):
        when = after(at("07:05:00"), turn * 380 + choice.randrange(200_000) / 1000)
        desk = desks[choice.randrange(len(desks))]
        name, address = sites[choice.randrange(len(sites))]
        if turn % 3 == 0:
            lines.append(Line(when, answer(when, desk, f"{name}.harbourlight.example", address)))
            continue
        seen = flow(when, 1 + choice.randrange(90), 800 + choice.randrange(90_000), choice.randrange(400_000))
        lines.append(Line(when, eve("flow", when, desk, address, 443, app_proto="tls", flow=seen)))
    return lines + routine_alerts()


def routine_alerts() -> list[Line]:
    """Twelve alerts of two rules that fire every day."""
    choice, lines = chooser("routine alerts"), []
    rules, desks = list(RULES), ["10.20.4.202", "10.20.4.61", "10.20.4.88", "10.20.4.140"]
    for turn in range(12):
        when = after(at("07:15:00"), turn * 1290 + choice.randrange(300_000) / 1000)
        desk = desks[turn % 4]
        if turn % 4 == 3:
            record = alert(rules[10], when, desk, "192.0.2.253", 53)
        else:
            seen = http("updates.example.com", "/windows/package.cab", "Update-Agent/10", 200, 1_048_576)
            record = alert(rules[9], when, desk, MIRROR, 80, http=seen)
        lines.append(Line(when, record))
    return lines


def lines() -> list[Line]:
    """Every record of the network file, in no order."""
    return lure() + beacon() + theft() + outside_scan() + authorised_scan() + morning()
