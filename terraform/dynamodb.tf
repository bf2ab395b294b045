# Items and the markers of booked orders. The items are seeded by the deploy step, not from here: Terraform would
# take the totals booked since for drift, and would delete them with an item that leaves its list.
resource "aws_dynamodb_table" "shops" {
  name         = "${var.name_prefix}-shops"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "shop_id"
  range_key    = "record_type"

  attribute {
    name = "shop_id"
    type = "S"
  }

  attribute {
    name = "record_type"
    type = "S"
  }
}
