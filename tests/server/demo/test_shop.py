import csv
import io
from decimal import Decimal

from server.demo.shop import orders_csv, people_csv, read_orders


def test_the_shop_has_the_published_numbers_of_people_and_orders() -> None:
    orders = list(read_orders())
    assert (len(orders), len({order.customer for order in orders})) == (6_919, 2_357)


def test_each_customer_is_one_row_with_the_sums_of_their_orders() -> None:
    rows = list(csv.DictReader(io.StringIO(people_csv().decode())))
    assert len(rows) == 2_357
    assert rows[0] == {
        "email": "customer-00004@example.com",
        "tags": "cdnow",
        "subscribed_at": "1997-01-01T12:00:00Z",
        "orders": "4",
        "spent": "100.50",
        "first_order": "1997-01-01",
        "last_order": "1997-12-12",
    }


def test_orders_keep_their_sum_and_are_told_apart_by_their_line() -> None:
    rows = list(csv.DictReader(io.StringIO(orders_csv().decode())))
    assert len({row["order_id"] for row in rows}) == 6_919
    assert sum(Decimal(row["value"]) for row in rows) == sum(o.amount for o in read_orders())
