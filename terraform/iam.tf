# What each function may do beside writing its own log (modules/function).

data "aws_iam_policy_document" "accept" {
  statement {
    sid       = "PublishToDecrypt"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.to_decrypt.arn]
  }
}

data "aws_iam_policy_document" "decrypt" {
  # By alias, as the function names a key, so that a new shop needs no new policy.
  statement {
    sid       = "DecryptWithShopKeys"
    actions   = ["kms:Decrypt"]
    resources = ["arn:${local.partition}:kms:${local.region}:${local.account_id}:key/*"]

    condition {
      test     = "StringLike"
      variable = "kms:RequestAlias"
      values   = ["alias/${var.key_prefix}*"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionAlgorithm"
      values   = ["RSAES_OAEP_SHA_256"]
    }
  }

  statement {
    sid       = "PublishToProcess"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.to_process.arn]
  }

  statement {
    sid       = "SendDeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [local.dead_letter_queues.decrypt.arn]
  }
}

data "aws_iam_policy_document" "process" {
  statement {
    sid       = "BookInTransactions"
    actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.shops.arn]

    condition {
      test     = "StringEquals"
      variable = "dynamodb:EnclosingOperation"
      values   = ["TransactWriteItems"]
    }
  }

  statement {
    sid       = "SendDeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [local.dead_letter_queues.process.arn]
  }
}
