"""The plans of this box in its index."""

import sqlite3

from federation.messages import CapturePlan


def all_plans(db: sqlite3.Connection) -> tuple[CapturePlan, ...]:
    """Return all plans, in the order of their ids."""
    found = db.execute("SELECT body FROM plans ORDER BY plan_id").fetchall()
    return tuple(CapturePlan.model_validate_json(body) for (body,) in found)


def put(db: sqlite3.Connection, plan: CapturePlan) -> None:
    """Store a plan in the place of the one before."""
    db.execute("INSERT OR REPLACE INTO plans VALUES (?, ?)", (plan.plan_id, plan.model_dump_json()))


def remove(db: sqlite3.Connection, plan_id: str) -> bool:
    """Remove a plan; tell whether there was one."""
    return db.execute("DELETE FROM plans WHERE plan_id = ?", (plan_id,)).rowcount > 0
