"""The shops as `./scripts/status` shows them."""

from rich.table import Table

from serverless_harness.terminal_output import console, printable, say
from shop import shops
from shop.deployment import ShopDeployment


def show_shops(deployment: ShopDeployment) -> None:
    """Show the address, every shop's bookings and its items."""
    say(f"shop        {deployment.invoke_url}")
    for shop_id in shops.shop_ids(deployment):
        say(f"{shop_id:<11} {shops.count_orders(deployment, shop_id)} orders booked")
    console.print(_items_table(deployment))


def _items_table(deployment: ShopDeployment) -> Table:
    table = Table("shop", "item", "", "price", "stock", "gross_number", "gross_turnover", box=None)
    for column in table.columns:
        column.no_wrap = True
    for shop_id in shops.shop_ids(deployment):
        for item in shops.read_items(deployment, shop_id):
            numbers = (item.selling_price, item.stock, item.gross_number, item.gross_turnover)
            table.add_row(shop_id, str(item.item_no), printable(item.item_description), *map(str, numbers))
    return table
