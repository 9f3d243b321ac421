"""Nonsense in settings is named, all of it at once, with a right value and without a secret."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from foundation.redaction import masked
from vtex.statuses import HandledOrders
from workers import wiring
from workers.configuration.declaration import SettingsError
from workers.configuration.settings import Settings, SettingsSchema, load

ONE = {
    "VTEX_ACCOUNT": "acme",
    "VTEX_APP_KEY": "vtexappkey-acme-QWERTY",
    "VTEX_APP_TOKEN": "s3cret-token",
}


def faults(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(environ)
    return caught.value.message.splitlines()


def of_file(tmp_path: Path, toml: str, **environ: str) -> Settings:
    path = tmp_path / "stores.toml"
    path.write_text(toml)
    return load({"STORES_FILE": str(path)} | environ)


def file_faults(tmp_path: Path, toml: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        of_file(tmp_path, toml, **environ)
    return caught.value.message.splitlines()


# --- one value ------------------------------------------------------------------------------------


def test_nothing_set_is_one_machine_without_a_store() -> None:
    settings = load({})

    assert settings.stores == ()
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.broker_url == settings.redis_url


def test_the_messages_go_through_redis_unless_a_broker_is_named() -> None:
    redis = load(ONE | {"REDIS_URL": "redis://cache/3"})
    rabbit = load(ONE | {"REDIS_URL": "redis://cache/3", "BROKER_URL": "amqp://erp:s3cret@mq/erp"})

    assert redis.broker_url == "redis://cache/3"
    assert (rabbit.broker_url, rabbit.redis_url) == ("amqp://erp:s3cret@mq/erp", "redis://cache/3")
    assert "s3cret" not in repr(rabbit)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("VTEX_ACCOUNT", "acme.vtexcommercestable.com.br", "without .vtexcommercestable.com.br"),
        ("VTEX_ACCOUNT", "Acme", "lower case"),
        ("VTEX_BASE_URL", "acme.vtexcommercestable.com.br", "is not an http(s) address"),
        ("VTEX_PAYMENTS_URL", "ftp://acme", "is not an http(s) address"),
        ("ALLOW_SUM_MISMATCH", "ja", "must be true or false"),
        ("ORDER_LIST_INTERVAL_SECONDS", "60s", "is not a number"),
        ("ORDER_LIST_INTERVAL_SECONDS", "nan", "is not a number"),
        ("ORDER_LIST_INTERVAL_SECONDS", "0", "must be from 0.2 to 86400"),
        ("DISPATCH_INTERVAL_SECONDS", "-1", "must be from 0.2 to 86400"),
        ("LEASE_SECONDS", "0.5", "must be from 1 to 3600"),
        ("MAX_ORDERS_IN_FLIGHT", "many", "is not a whole number"),
        ("WORKER_THREADS", "16.5", "is not a whole number"),
        ("WORKER_THREADS", "0", "must be from 1 to 256"),
        ("MAX_CRASHES", "0", "must be from 1 to 100"),
        ("VTEX_CONNECT_TIMEOUT_SECONDS", "fast", "is not a number"),
        ("VTEX_READ_TIMEOUT_SECONDS", "1e9", "must be from"),
        ("RETENTION_DOCUMENTS_DAYS", "-1", "must be from 0 to 36500; 0 for ever"),
        ("RETENTION_DOCUMENTS_DAYS", "never", "is not a whole number"),
        ("RETENTION_TIMELINE_DAYS", "1e6", "is not a whole number"),
        (
            "ALERT_IGNORE",
            "missing_orders,loud",
            "names something else than missing_orders, vtex_silent, jobs_waiting",
        ),
        ("ALERT_CLOCK_SKEW_SECONDS", "0", "must be from 1 to 86400"),
        ("ALERT_WAITING_MINUTES", "0", "must be from 0.01"),
        ("TIME_ZONE", "Brasilia", "is not a time zone such as America/Sao_Paulo"),
        ("TIME_ZONE", "../etc/passwd", "is not a time zone such as America/Sao_Paulo"),
        ("LOG_LEVEL", "verbose", "must be one of DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_bad_value_is_named_shown_and_followed_by_a_right_one(
    name: str, value: str, words: str
) -> None:
    (fault,) = faults(**ONE | {name: value})

    assert fault.startswith(f"{name}: '{value}' ")
    assert words in fault
    assert fault.endswith(f"For example {name}={example(name)}")


def example(name: str) -> str:
    return str(SettingsSchema().fields[name].metadata["example"])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("REDIS_URL", "cache.hidden:6379", "is not a Redis URL"),
        ("REDIS_URL", "redis+socket:///hidden", "is not a Redis URL"),
        ("REDIS_URL", "redis://", "lacks a host"),
        ("REDIS_URL", "redis://:hid#den@cache/0", "# as %23"),
        ("REDIS_URL", "redis://:hid/den@cache/0", "percent-encoded"),
        ("REDIS_URL", "redis://:hid@den@cache/0", "percent-encoded"),
        ("REDIS_URL", "redis://[::1/hidden", "cannot be read"),
        ("REDIS_URL", "redis://cache/0#hidden", "# as %23"),
        ("REDIS_URL", "redis://cache/hidden", "the number of a database, such as /0"),
        ("REDIS_URL", "redis://:hid;den@cache/0", "%3B"),
        ("BROKER_URL", "rabbit.hidden", "amqp:// or amqps:// for RabbitMQ"),
        ("BROKER_URL", "pyamqp://erp:hidden@mq/erp", "is not a broker's URL"),
        ("BROKER_URL", "sqs://hidden", "is not a broker's URL"),
        ("BROKER_URL", "amqp://", "lacks a host"),
        ("BROKER_URL", "amqp://erp:hidden@/erp", "lacks a host"),
        ("BROKER_URL", "amqp://erp:hid#den@mq/erp", "# as %23"),
        ("BROKER_URL", "amqp://erp:hid@den@mq/erp", "percent-encoded"),
        ("BROKER_URL", "amqp://erp:hidden@mq:port/erp", "host or port"),
        ("BROKER_URL", "amqp://u:hidden@mq1/erp;amqp://u:hidden@mq2/erp", "the one name that"),
        ("BROKER_URL", "redis://cache/hidden", "the number of a database, such as /0"),
        ("JOURNAL_URL", "mysql://u:hidden@db/journal", "is not a journal URL"),
        ("JOURNAL_URL", "postgresql+asyncpg://u:hidden@db/j", "write postgresql:// alone"),
        ("JOURNAL_URL", "postgres+psycopg://u:hidden@db/j", "write postgres:// alone"),
        ("JOURNAL_URL", "postgresql://u:hidden@db:port/j", "host or port"),
        ("JOURNAL_URL", "postgresql://u:12/hidden@db/j", "percent-encoded"),
        ("JOURNAL_URL", "sqlite:///:memory:", "name a file"),
        ("JOURNAL_URL", "sqlite://hidden.db", "sqlite:/// before a relative path"),
        ("ERP_URL", "oracle://u:hidden@db/erp", "installed: mariadb, memory, mysql"),
        ("ERP_URL", "hidden.db", "begins with the name of an adapter"),
        ("ERP_URL", "mysql+mysqldb://u:hidden@db/erp", "write mysql:// alone"),
        ("ALERT_URLS", "slack://a/b/c mailto:hidden@example.com", "as number 2 of its parts"),
        ("ALERT_URLS", "hidden", "does not begin with a service"),
        ("FLOWER_BASIC_AUTH", "hidden", "a colon"),
        ("VTEX_APP_KEY", "hidden key", "a space"),
        ("VTEX_APP_TOKEN", '"hidden"', "a quotation mark"),
        ("VTEX_APP_TOKEN", "hidden\nhidden", "a line break"),
        ("VTEX_APP_TOKEN", "hidden…", "an accent"),
    ],
)
def test_a_bad_secret_is_told_without_showing_it(name: str, value: str, words: str) -> None:
    (fault,) = faults(**ONE | {name: value})

    assert fault.startswith(f"{name}: the value (not shown) ")
    assert words in fault
    assert "hid" not in fault
    assert f"For example {name}={example(name)}" in fault


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "redis://cache"),
        ("REDIS_URL", "rediss://user:p%23ss@cache.internal:6380/1"),
        ("REDIS_URL", "redis://[::1]:6379/0"),
        ("BROKER_URL", "amqp://mq"),
        ("BROKER_URL", "amqps://erp:p%2Fss%3B@mq.internal:5671/erp"),
        ("BROKER_URL", "amqp://erp@[::1]:5672//"),
        ("BROKER_URL", "redis://cache/1"),
        ("JOURNAL_URL", "postgres://erp@db/journal"),
        ("JOURNAL_URL", "postgresql+psycopg://erp@db:5433/journal?sslmode=require"),
        ("JOURNAL_URL", "postgresql:///journal?host=/var/run/postgresql"),
        ("JOURNAL_URL", "sqlite:////var/lib/erp@2/journal.db"),
        ("ERP_URL", "mariadb://u:p@db/erp"),
        ("ERP_URL", "memory:"),
        ("ALLOW_SUM_MISMATCH", "true"),
    ],
)
def test_what_is_right_is_taken(name: str, value: str) -> None:
    load(ONE | {name: value})


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    told = faults(
        REDIS_URL="redis",
        ORDER_LIST_INTERVAL_SECONDS="soon",
        LOG_LEVEL="loud",
        VTEX_ACCOUNT="ACME",
        VTEX_APP_TOKEN_FILE=str(tmp_path / "missing"),
    )

    assert sorted(one.split(":")[0] for one in told) == [
        "LOG_LEVEL",
        "ORDER_LIST_INTERVAL_SECONDS",
        "REDIS_URL",
        "VTEX_ACCOUNT",
        "VTEX_APP_KEY",
        "VTEX_APP_TOKEN_FILE",
    ]


@pytest.mark.parametrize("missing", sorted(ONE))
def test_half_a_store_is_told_by_the_half_that_is_missing(missing: str) -> None:
    (fault,) = faults(**{name: value for name, value in ONE.items() if name != missing})

    assert fault.startswith(f"{missing}: is not set")
    assert f"For example {missing}=" in fault


def test_empty_variables_count_as_unset() -> None:
    assert load({"VTEX_ACCOUNT": "", "REDIS_URL": " ", "STORES_FILE": ""}) == load({})


def test_no_repr_shows_a_secret() -> None:
    settings = load(ONE | {"REDIS_URL": "redis://:s3cret-redis@cache/0"})

    assert "s3cret" not in repr(settings)
    assert "QWERTY" not in repr(settings)


def test_a_store_that_is_not_configured_is_told_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match=r"store 'outlet' is not configured \(known: acme\)"):
        load(ONE).store("outlet")


# --- NAME_FILE ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["s3cret\n", "  s3cret\r\n", "\ufeffs3cret"])
def test_a_secret_in_a_file_is_taken_without_what_editors_add(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text, encoding="utf-8")
    environ = ONE | {"VTEX_APP_TOKEN": "", "VTEX_APP_TOKEN_FILE": str(tmp_path / "token")}

    assert load(environ).store("acme").app_token == "s3cret"


def test_a_variable_goes_before_its_file(tmp_path: Path) -> None:
    environ = ONE | {"VTEX_APP_TOKEN_FILE": str(tmp_path / "missing")}

    assert load(environ).store("acme").app_token == "s3cret-token"


@pytest.mark.parametrize("name", ["REDIS_URL", "JOURNAL_URL", "VTEX_APP_TOKEN"])
def test_a_file_that_cannot_be_read_or_is_empty_is_told_once(tmp_path: Path, name: str) -> None:
    given = {key: value for key, value in ONE.items() if key != name}
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")

    for file, words in (
        ("missing", "No such file"),
        ("empty", "is empty"),
        ("binary", "cannot read"),
        ("", "Is a"),
    ):
        (fault,) = faults(**given, **{f"{name}_FILE": str(tmp_path / file)})
        assert fault.startswith(f"{name}_FILE: ")
        assert words in fault


# --- STORES_FILE ----------------------------------------------------------------------------------

TWO = """
[stores.acme]
app_key_file = "{folder}/key"
app_token_file = "{folder}/token"

[stores.outlet]
app_key_env = "OUTLET_KEY"
app_token_env = "OUTLET_TOKEN"
allow_sum_mismatch = true
hold_payment_doubts = true
base_url = "https://outlet.example"
"""
KEYS = 'app_key = "k"\napp_token = "t"\n'


def test_one_file_describes_several_stores(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("acme-key\n")
    (tmp_path / "token").write_text("acme-token\n")

    settings = of_file(
        tmp_path, TWO.format(folder=tmp_path), OUTLET_KEY="out-key ", OUTLET_TOKEN="out-token"
    )

    acme, outlet = settings.stores
    assert (acme.name, acme.app_key, acme.app_token) == ("acme", "acme-key", "acme-token")
    assert (outlet.name, outlet.app_key, outlet.app_token) == ("outlet", "out-key", "out-token")
    assert (acme.allow_sum_mismatch, outlet.allow_sum_mismatch) == (False, True)
    assert (acme.hold_payment_doubts, outlet.hold_payment_doubts) == (False, True)
    assert (acme.base_url, outlet.base_url) == (None, "https://outlet.example")


def test_every_fault_of_every_store_is_told_at_once(tmp_path: Path) -> None:
    told = file_faults(tmp_path, TWO.format(folder=tmp_path), OUTLET_KEY="k", LOG_LEVEL="loud")

    assert [one.split(": ")[0] for one in told] == [
        "LOG_LEVEL",
        "stores.acme.app_key_file",
        "stores.acme.app_token_file",
        "stores.outlet.app_token_env",
    ]
    assert "the variable 'OUTLET_TOKEN' is not set" in told[-1]


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[stores.acme", "is not TOML"),
        ("[stores.acme]\n[stores.acme]", "is not TOML"),
        ("[stores]", "lacks a store. For example [stores.acme]"),
        ('stores = "acme"', "lacks a store"),
        ('[stores]\nacme = "key"', "stores.acme: is not a table"),
        (f"[store.acme]\n{KEYS}", "store is not under stores"),
        (f"[stores.acme]\n{KEYS}[outlet]\n{KEYS}", "outlet is not under stores"),
        (f"[stores.ACME]\n{KEYS}", "stores.ACME: is not an account name: lower case"),
        (f'[stores."acme.com"]\n{KEYS}', "stores.acme.com: is not an account name"),
        (f'[stores.acme]\n{KEYS}token = "s3cret"', "stores.acme.token: is unknown (known: app_"),
        (f"[stores.acme]\n{KEYS}allow_sum_mismatch = 7", "stores.acme.allow_sum_mismatch: "),
        (f'[stores.acme]\n{KEYS}base_url = "acme"', "base_url: is not an http(s) address"),
        (
            '[stores.acme]\napp_key = "k"',
            'app_token: is not set. For example app_token_env = "ACME',
        ),
        ('[stores.acme]\napp_key = 7\napp_token = "t"', "stores.acme.app_key: "),
        (f'[stores.acme]\n{KEYS}app_key_env = "K"', "app_key: is given 2 times"),
        ('[stores.acme]\napp_key = " "\napp_token = "t"', "stores.acme.app_key: is empty"),
        ('[stores.acme]\napp_key = "k"\napp_token = "s3c ret"', "(not shown) holds a space"),
    ],
)
def test_a_bad_file_of_stores_is_told_once_and_in_place(
    tmp_path: Path, toml: str, words: str
) -> None:
    (fault,) = file_faults(tmp_path, toml)

    assert words in fault
    assert "s3c" not in fault


def test_a_file_of_stores_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    (fault,) = faults(STORES_FILE=str(tmp_path / "missing.toml"))

    assert "STORES_FILE: cannot read" in fault


@pytest.mark.parametrize("name", ["VTEX_ACCOUNT", "VTEX_APP_TOKEN", "ALLOW_SUM_MISMATCH"])
def test_a_file_of_stores_beside_the_variables_of_one_is_refused(tmp_path: Path, name: str) -> None:
    value = (ONE | {"ALLOW_SUM_MISMATCH": "true"})[name]

    (fault,) = file_faults(tmp_path, f"[stores.acme]\n{KEYS}", **{name: value})

    assert f"STORES_FILE: is set, and so is {name}. Unset the one or the other" in fault


# --- showing addresses ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://:s3cret@cache/0", "redis://:***@cache/0"),
        ("amqp://erp:s3cret@mq:5672/erp", "amqp://erp:***@mq:5672/erp"),
        ("postgresql://erp:s3cret@db/journal", "postgresql://erp:***@db/journal"),
        ("postgresql://erp:s3c/r#e@t@db/journal", "postgresql://erp:***@db/journal"),
        ("postgresql://db/x?user=erp&password=s3cret", "postgresql://db/x?user=erp&password=***"),
        ("sqlite:///var/erp.db", "sqlite:///var/erp.db"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert masked(url) == shown


# --- quotas ---------------------------------------------------------------------------------------


def test_a_store_without_a_quota_of_its_own_stays_below_both_numbers_that_vtex_documents() -> None:
    (store,) = load(ONE).stores

    assert (store.quota_per_minute, store.allowed_per_minute) == (6000, 4800)
    assert store.quota_groups == {}


def test_a_quota_its_share_and_its_groups_are_settings() -> None:
    given = {
        "VTEX_QUOTA_PER_MINUTE": "500",
        "VTEX_QUOTA_SHARE_PERCENT": "50",
        "VTEX_QUOTA_GROUPS": "list=60, order=9",
    }

    (store,) = load(ONE | given).stores

    assert store.allowed_per_minute == 250
    assert {name: store.allowed_of(name) for name in store.quota_groups} == {"list": 30, "order": 4}


def test_each_store_of_a_file_has_its_own_quota_or_the_common_one(tmp_path: Path) -> None:
    toml = """
    [stores.acme]
    app_key = "k"
    app_token = "t"
    quota_per_minute = 600
    quota_share_percent = 100
    quota_groups = { list = 30 }
    [stores.outlet]
    app_key = "k"
    app_token = "t"
    """

    acme, outlet = of_file(
        tmp_path, toml, VTEX_QUOTA_PER_MINUTE="1000", VTEX_QUOTA_LOCAL_PERCENT="5"
    ).stores

    assert (acme.allowed_per_minute, acme.quota_groups, acme.quota_local_percent) == (
        600,
        {"list": 30},
        5,
    )
    assert (outlet.allowed_per_minute, outlet.quota_local_percent) == (800, 5)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("VTEX_QUOTA_PER_MINUTE", "-1", "must be from 0 to 1000000; 0 for no limit"),
        ("VTEX_QUOTA_SHARE_PERCENT", "101", "must be from 1 to 100"),
        ("VTEX_QUOTA_GROUPS", "list", "is not a list of GROUP=CALLS"),
        ("VTEX_QUOTA_GROUPS", "prices=60", "groups: list, order, payments, writes"),
        ("VTEX_QUOTA_GROUPS", "list=0", "is not a list of GROUP=CALLS"),
    ],
)
def test_a_quota_that_makes_no_sense_is_named(name: str, value: str, words: str) -> None:
    (fault,) = faults(**ONE, **{name: value})

    assert fault.startswith(f"{name}: ")
    assert words in fault


def test_a_group_of_a_file_that_is_unknown_is_named(tmp_path: Path) -> None:
    toml = '[stores.acme]\napp_key = "k"\napp_token = "t"\nquota_groups = { prices = 60 }'

    (fault,) = file_faults(tmp_path, toml)

    assert fault.startswith("stores.acme.quota_groups: ")
    assert "list, order, payments, writes" in fault


def test_orders_come_in_by_the_list_unless_it_is_said() -> None:
    assert [one.stores[0].intake for one in (load(ONE), load(ONE | {"VTEX_INTAKE": "both"}))] == [
        "list",
        "both",
    ]


def test_each_store_of_a_file_says_how_its_orders_come_in(tmp_path: Path) -> None:
    keys = 'app_key = "k"\napp_token = "t"\n'
    toml = f'[stores.acme]\n{keys}intake = "feed"\n[stores.outlet]\n{keys}'

    settings = of_file(tmp_path, toml)

    assert [one.intake for one in settings.stores] == ["feed", "list"]
    assert wiring.list_intervals(settings) == {"acme": timedelta(days=1)}


def test_an_intake_that_is_none_is_named(tmp_path: Path) -> None:
    toml = '[stores.acme]\napp_key = "k"\napp_token = "t"\nintake = "hook"'

    (fault,) = faults(**ONE, VTEX_INTAKE="hook")
    (of_a_file,) = file_faults(tmp_path, toml)

    assert fault.startswith("VTEX_INTAKE: 'hook' must be one of list, feed, both")
    assert of_a_file == "stores.acme.intake: must be one of list, feed, both"


def test_the_list_rests_for_as_long_as_is_set_while_both_ways_are_used() -> None:
    settings = load(ONE | {"VTEX_INTAKE": "both", "ORDER_LIST_FALLBACK_INTERVAL_SECONDS": "1200"})

    assert wiring.list_intervals(settings) == {"acme": timedelta(minutes=20)}


# --- alerts ---------------------------------------------------------------------------------------


def test_whoever_is_told_is_read_from_a_file_and_shown_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "alerts"
    secret.write_text("slack://T0KEN/B/C\n\njson://user:T0KEN@hooks.internal/T0KEN\n")

    settings = load({"ALERT_URLS_FILE": str(secret)})

    assert len(settings.alert_urls) == 2
    assert "T0KEN" not in repr(settings)
    assert wiring.alerting(settings, {}).notifier.receivers == ("1 slack", "2 json")


def test_a_store_has_its_own_time_and_its_own_patience(tmp_path: Path) -> None:
    toml = """
    [stores.acme]
    app_key = "k"
    app_token = "t"

    [stores.outlet]
    app_key = "k"
    app_token = "t"
    intake = "both"
    time_zone = "America/Manaus"
    alert_missing_orders = 0
    alert_waiting_minutes = 90
    """

    acme, outlet = wiring.alert_policy(of_file(tmp_path, toml, ALERT_WAITING_MINUTES="45")).stores

    assert (str(acme.zone), acme.missing_orders, acme.max_wait) == (
        "America/Sao_Paulo",
        15,
        timedelta(minutes=45),
    )
    assert (str(outlet.zone), outlet.missing_orders, outlet.max_wait) == (
        "America/Manaus",
        0,
        timedelta(minutes=90),
    )
    assert (acme.by_feed, outlet.by_feed) == (False, True)


def test_a_store_of_no_time_zone_is_named(tmp_path: Path) -> None:
    toml = '[stores.acme]\napp_key = "k"\napp_token = "t"\ntime_zone = "Brasilia"\n'

    assert "stores.acme.time_zone: is not a time zone" in file_faults(tmp_path, toml)[0]


def test_orders_that_come_in_as_handled_are_named_alike_in_both_places(tmp_path: Path) -> None:
    ours = HandledOrders(frozenset({"invoiced", "handling"}), frozenset({"Fulfillment"}))
    text = "statuses=invoiced handling, origins=Fulfillment"
    toml = (
        '[stores.acme]\napp_key = "k"\napp_token = "t"\n'
        'also_intake = { statuses = ["invoiced", "handling"], origins = ["Fulfillment"] }\n'
    )

    assert load(ONE | {"VTEX_ALSO_INTAKE": text}).stores[0].also_intake == ours
    assert load(ONE).stores[0].also_intake is None
    assert of_file(tmp_path, toml).store("acme").also_intake == ours


@pytest.mark.parametrize(
    "text", ["invoiced", "origins=Fulfillment", "statuses=", "statuses=invoiced, colours=red"]
)
def test_orders_that_come_in_as_handled_need_statuses(text: str) -> None:
    assert "must have statuses, and may have" in faults(**ONE, VTEX_ALSO_INTAKE=text)[0]


def test_a_status_before_handling_is_no_reason_to_come_in_as_handled() -> None:
    (fault,) = faults(**ONE, VTEX_ALSO_INTAKE="statuses=ready-for-handling")

    assert "must have statuses of handled orders: handling, invoice" in fault
