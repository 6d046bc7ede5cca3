"""Writes the tables that `table_tests.rs` compares schedules with, from Prefect's own schedules; with a seed and a number, so
many schedules by chance to the standard output, which `cargo xtask prove dates` compares.

    python -m venv V && V/bin/pip install prefect==3.8.8 whenever tzdata && V/bin/python make.py

Prefect's schedules differ between versions of Python, since they use another library for zones since 3.13; the tables have
what 3.13 says, under whichever version they are made. Times before the start are left out: Prefect's cron tells them in the
hour that the clocks repeat.
"""

import datetime as dt
import json
import pathlib
import random
import signal
import sys
import types
from zoneinfo import ZoneInfo

import prefect.server.schemas.schedules as schedules
import prefect.types._datetime as datetimes

newer = types.SimpleNamespace(version_info=(3, 13))
schedules.sys = newer
datetimes.sys = newer
schedules._WHENEVER_DELTA_TYPES = ()

HERE = pathlib.Path(__file__).parent
KINDS = {"interval": schedules.IntervalSchedule, "cron": schedules.CronSchedule, "rrule": schedules.RRuleSchedule}


def dates(schedule, start, count):
    kind = next(kind for name, kind in KINDS.items() if name in schedule)
    made = kind(**schedule)
    if isinstance(made, schedules.IntervalSchedule):
        anchor = dt.datetime.fromisoformat(schedule["anchor_date"])
        object.__setattr__(made, "anchor_date", anchor)
        object.__setattr__(made, "interval", dt.timedelta(seconds=schedule["interval"]))
    found = []
    try:
        for date in made._get_dates_generator(n=count + 4, start=start):
            found.append(date)
    except ValueError:
        # croniter raises an error behind the last time.
        pass
    zone = ZoneInfo(schedule.get("timezone") or "UTC")
    return [date.astimezone(zone).isoformat() for date in found if date >= start][:count]


def line(schedule, start, count):
    case = {"schedule": schedule, "start": start.isoformat(), "dates": dates(schedule, start, count)}
    return json.dumps(case, separators=(",", ":")) + "\n"


def write(name, cases, count):
    with open(HERE / name, "w") as file:
        file.writelines(line(schedule, start, count) for schedule, start in cases)


ZONES = [
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "America/Havana",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
]


def changes(zone):
    """Finds the changes of the clocks in 2026; the first of April where there are none."""
    hour, end = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc), dt.datetime(2027, 1, 1, tzinfo=dt.timezone.utc)
    found = []
    while hour < end:
        later = hour + dt.timedelta(hours=1)
        if hour.astimezone(ZoneInfo(zone)).utcoffset() != later.astimezone(ZoneInfo(zone)).utcoffset():
            found.append(later)
        hour = later
    return found or [dt.datetime(2026, 4, 1, tzinfo=dt.timezone.utc)]


def around_changes():
    for zone in ZONES:
        for change in changes(zone):
            for start in (change - dt.timedelta(hours=3), change + dt.timedelta(minutes=20)):
                for cron in ("*/30 * * * *", "0 * * * *", "30 2 * * *", "30 1 * * *", "0 0 * * *", "15 0,3 * * *"):
                    yield {"cron": cron, "timezone": zone}, start
                for seconds in (1800, 3600, 86400, 129600, 604800):
                    for anchor in ("2026-01-05T00:30:00", "2026-01-05T02:30:00"):
                        local = dt.datetime.fromisoformat(anchor).replace(tzinfo=ZoneInfo(zone))
                        yield {"interval": seconds, "anchor_date": local.isoformat(), "timezone": zone}, start
                for rule in ("FREQ=HOURLY", "FREQ=DAILY", "FREQ=DAILY;BYHOUR=1,2", "FREQ=MINUTELY;INTERVAL=30"):
                    yield {"rrule": f"DTSTART:20260105T003000\nRRULE:{rule}", "timezone": zone}, start


def item(low, high, names):
    one = lambda: random.choice(names) if names and random.random() < 0.3 else str(random.randint(low, high))
    return random.choice([
        one,
        lambda: f"{one()}-{one()}",
        lambda: f"*/{random.randint(1, high)}",
        lambda: f"{one()}-{one()}/{random.randint(1, 7)}",
        lambda: f"{one()}/{random.randint(1, 9)}",
    ])()


MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "sun mon tue wed thu fri sat".split()


def expressions():
    for text in ("0 0 L * *", "0 0 1,30 * *", "0 0 29 2 *", "0 12 * * L5", "0 12 * * fri#2", "0 12 * * mon-wed#1", "5 4 13 * 5",
                 "0 0 * * 7", "0 0 31 * *", "*/7 */5 * * *", "0 22-2 * * *", "0 0 28-L 2 *", "0 0 * nov-feb 1", "59/5 1 * * *",
                 "0 0 1-31 * 1", "0 0 */2 * 1", "@weekly", "* * * * * 30", "0 0 1 1 * 0 2030", "0 0 1 1 * 0 2020",
                 "0 0 13 * 5#2", "0 0 15,L * *", "0 0 30 2 *", "0 0 ? * 1-5", "0 0 0 * * 10"):
        yield text
    for _ in range(200):
        yield expression()


def expression():
    fields = []
    for low, high, names in ((0, 59, None), (0, 23, None), (1, 31, None), (1, 12, MONTHS), (0, 6, WEEKDAYS)):
        if random.random() < 0.4:
            fields.append("*")
        else:
            fields.append(",".join(item(low, high, names) for _ in range(random.choice([1, 1, 2]))))
    if random.random() < 0.2:
        fields.append(item(0, 59, None))
    return " ".join(fields)


def crons():
    start = dt.datetime(2026, 2, 1, 23, 50, 0, 500000, tzinfo=dt.timezone.utc)
    for text in expressions():
        if schedules.croniter.is_valid(text):
            yield {"cron": text, "day_or": random.random() < 0.8}, start


def rule(frequency):
    days = "MO TU WE TH FR SA SU".split()
    numbers = lambda low, high: ",".join(str(random.randint(low, high)) for _ in range(random.choice([1, 2, 3])))
    nonzero = lambda high: ",".join(str(random.choice([-1, 1]) * random.randint(1, high)) for _ in range(random.choice([1, 2])))
    parts = [f"FREQ={frequency}"]
    maybe = lambda chance, text: parts.append(text) if random.random() < chance else None
    maybe(0.5, f"INTERVAL={random.randint(1, 13)}")
    maybe(0.2, f"BYMONTH={numbers(1, 12)}")
    maybe(0.2, f"BYMONTHDAY={nonzero(31)}")
    maybe(0.1, f"BYYEARDAY={nonzero(366)}")
    maybe(0.1, f"BYWEEKNO={nonzero(52)}" if frequency == "YEARLY" else "WKST=SU")
    maybe(0.3, "BYDAY=" + ",".join(random.sample(days, random.choice([1, 2, 4]))))
    if frequency in ("YEARLY", "MONTHLY") and random.random() < 0.3:
        place = nonzero(4).split(",")[0]
        parts = [part for part in parts if not part.startswith("BYDAY")] + [f"BYDAY={place}{random.choice(days)}"]
    maybe(0.3, f"BYHOUR={numbers(0, 23)}")
    maybe(0.2, f"BYMINUTE={numbers(0, 59)}")
    maybe(0.1, f"BYSECOND={numbers(0, 59)}")
    maybe(0.15, f"BYSETPOS={nonzero(3)}")
    maybe(0.1, "COUNT=4")
    maybe(0.1, "UNTIL=20260401T000000")
    return "DTSTART:20260105T093015\nRRULE:" + ";".join(parts)


FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")


def rules():
    for frequency in FREQUENCIES:
        for _ in range(30):
            yield rule(frequency)
    yield "FREQ=DAILY;UNTIL=20260205T000000"
    yield "FREQ=YEARLY;BYEASTER=-2,0"
    yield "DTSTART:20260201T090000\nRRULE:FREQ=DAILY\nEXDATE:20260203T090000,20260204T090000"
    yield "DTSTART:20260201T090000\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;BYDAY=SA,SU"
    yield "RDATE:20260205T000000,20260203T120000,20260203T120000"
    yield "DTSTART;TZID=America/New_York:20260201T090000\nRRULE:FREQ=DAILY\nRDATE:20260202T100000"
    yield "DTSTART:20260201T090000Z\nRRULE:FREQ=DAILY;UNTIL=20260204T090000Z"


def reachable(rule):
    """Leaves out what makes dateutil search without an end."""
    sub = any(f"FREQ={name}" in rule for name in ("SECONDLY", "MINUTELY", "HOURLY"))
    return not (sub and ("BYSETPOS" in rule or rule.count("BY") > 2))


def readable(rule):
    try:
        schedules.dateutil.rrule.rrulestr(rule)
    except ValueError:
        return False
    return reachable(rule)


def recurrences():
    start = dt.datetime(2026, 2, 1, 23, 50, tzinfo=dt.timezone.utc)
    for rule in rules():
        if readable(rule):
            yield {"rrule": rule, "timezone": "UTC"}, start


def any_schedule(zone):
    kind = random.choice(["cron", "cron", "interval", "rrule"])
    if kind == "cron":
        text = expression()
        good = schedules.croniter.is_valid(text)
        return {"cron": text, "day_or": random.random() < 0.8, "timezone": zone} if good else any_schedule(zone)
    if kind == "interval":
        anchor = dt.datetime(2026, 1, random.randint(1, 28), random.randint(0, 23), random.randint(0, 59), tzinfo=ZoneInfo(zone))
        seconds = random.choice([1, 60, 3600, 86400]) * random.randint(1, 40)
        return {"interval": seconds, "anchor_date": anchor.isoformat(), "timezone": zone}
    text = rule(random.choice(FREQUENCIES))
    return {"rrule": text, "timezone": zone} if readable(text) else any_schedule(zone)


def by_chance(count):
    known = {zone: changes(zone) for zone in ZONES}
    for _ in range(count):
        zone = random.choice(ZONES)
        # Half of them begin about a change of the clocks.
        start = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(minutes=random.randrange(365 * 24 * 60))
        if random.random() < 0.5:
            start = random.choice(known[zone]) + dt.timedelta(minutes=random.randrange(-600, 300))
        yield any_schedule(zone), start


def give_up(*_):
    raise TimeoutError


def write_by_chance(seed, count):
    random.seed(seed)
    signal.signal(signal.SIGALRM, give_up)
    for schedule, start in by_chance(count):
        # Some rules fit no day, which dateutil finds out after minutes.
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        try:
            text = line(schedule, start, 5)
        except TimeoutError:
            continue
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        found = json.loads(text)["dates"]
        # dateutil reads the changes of clocks from a table that ends with 2037, and knows none behind it.
        if "rrule" in schedule and any(date >= "2038" for date in found):
            continue
        # croniter tells only times before the start in the hour that the clocks repeat, and gives up on a day of the month
        # that never comes, though a day of the week does. flowcore goes on in both cases.
        if "cron" in schedule and not found:
            continue
        sys.stdout.write(text)


if len(sys.argv) > 2:
    write_by_chance(int(sys.argv[1]), int(sys.argv[2]))
else:
    random.seed(3088)
    write("changes.txt", around_changes(), 4)
    write("cron.txt", crons(), 5)
    write("rrule.txt", recurrences(), 5)
