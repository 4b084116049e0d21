"""What the tasks of a DAG take from other DAGs."""

from __future__ import annotations

from exclusive_redis_xcom.access import Pull, TaskFacts
from exclusive_redis_xcom.pages.access.pulls import Pulls, PullShown, pulls_of_others
from tests.unit.access.made import facts
from tests.unit.pages.access.page import known, rendered

SHOP = facts(
    "shop",
    [
        "extract",
        TaskFacts(
            "load",
            computes_keys=False,
            pulls=(
                Pull("shop", "extract", "return_value", "argument"),
                Pull("bi", "monthly", "total", "code"),
                Pull("bi", "monthly", "secret", "code"),
                Pull("bi", None, "total", "code"),
                Pull("bi", "gone", "total", "code"),
            ),
        ),
    ],
)
BI = facts("bi", ["monthly"], {"monthly": {"total": ["shop/load"], "secret": ["secret_dag/spy"]}})


def test_each_pull_from_another_dag_has_its_answer_and_no_name_of_a_third_dag() -> None:
    assert pulls_of_others(known(SHOP, BI, reads=("bi",))) == Pulls(
        (
            PullShown("load", "bi", "monthly", "total", "yes", "xcom_acl['monthly']['total'] allows 'shop/load'"),
            PullShown("load", "bi", "monthly", "secret", "no", "xcom_acl['monthly']['secret']"),
            PullShown("load", "bi", "computed", "total", "", "the code computes what it takes"),
            PullShown("load", "bi", "gone", "total", "", "DAG 'bi' has no task 'gone'."),
        )
    )


def test_pulls_from_dags_that_the_user_may_not_read_are_a_number() -> None:
    mine = known(SHOP, reads=())

    assert pulls_of_others(mine) == Pulls(hidden=4)
    assert "<p>4 pulls are from DAGs that you may not see.</p>" in rendered(mine)
    assert "bi/" not in rendered(mine)
