"""The CDNOW customers and their orders, as the CSV files that any team would import."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

ORDERS = Path(__file__).parent / "data" / "cdnow_sample_transactions.csv"
CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class Order:
    """One order of the file; `line` is its place there, which tells equal orders apart."""

    line: int
    customer: str
    day: date
    discs: int
    amount: Decimal

    @property
    def email(self) -> str:
        return f"customer-{self.customer}@example.com"


def read_orders() -> Iterator[Order]:
    with ORDERS.open(encoding="ascii", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            yield Order(
                line=line,
                customer=row["master_id"],
                day=datetime.strptime(row["date"], "%Y%m%d").date(),  # noqa: DTZ007  a day
                discs=int(row["n_cds"]),
                amount=Decimal(row["amount"]),
            )


def people_csv() -> bytes:
    """Each customer once, with what the orders say of them."""
    customers: dict[str, list[Order]] = {}
    for order in read_orders():
        customers.setdefault(order.email, []).append(order)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["email", "tags", "subscribed_at", "orders", "spent", "first_order", "last_order"]
    )
    for email, orders in customers.items():
        days = sorted(order.day for order in orders)
        writer.writerow(
            [
                email,
                "cdnow",
                f"{days[0]}T12:00:00Z",
                len(orders),
                sum(order.amount for order in orders),
                days[0],
                days[-1],
            ]
        )
    return out.getvalue().encode()


def orders_csv() -> bytes:
    """Each order as an event named `order`."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["email", "event", "occurred_at", "value", "currency", "order_id", "discs"])
    for order in read_orders():
        writer.writerow(
            [
                order.email,
                "order",
                f"{order.day}T12:00:00Z",
                order.amount,
                CURRENCY,
                f"cdnow-{order.line}",
                order.discs,
            ]
        )
    return out.getvalue().encode()
