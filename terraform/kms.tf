resource "aws_kms_key" "shop" {
  for_each = var.shop_ids

  description              = "Orders of shop ${each.key} (${var.name_prefix})"
  key_usage                = "ENCRYPT_DECRYPT"
  customer_master_key_spec = "RSA_4096"
  deletion_window_in_days  = 7
}

resource "aws_kms_alias" "shop" {
  for_each = var.shop_ids

  name          = "alias/${var.key_prefix}${each.key}"
  target_key_id = aws_kms_key.shop[each.key].key_id
}
