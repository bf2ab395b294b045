# Dead letters, a queue for each function that SNS calls. Three writers: SNS (it could not call the function),
# Lambda (the last retry failed), the function itself (an order that no retry can mend).

locals {
  dead_letter_retention_s = 14 * 24 * 3600 # SQS's maximum

  # Addresses are spelled out, so that nothing waits for the queues that needn't, nor they for anything: the AWS
  # provider watches a new queue for 25 s before it calls it made.
  dead_letter_queues = {
    for function in ["decrypt", "process"] : function => {
      name             = "${var.name_prefix}-${function}-dead-letters"
      arn              = "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${var.name_prefix}-${function}-dead-letters"
      url              = "https://sqs.${local.region}.${local.dns_suffix}/${local.account_id}/${var.name_prefix}-${function}-dead-letters"
      source_topic_arn = "arn:${local.partition}:sns:${local.region}:${local.account_id}:${var.name_prefix}-to-${function}"
    }
  }
}

resource "aws_sqs_queue" "dead_letters" {
  for_each = local.dead_letter_queues

  name                      = each.value.name
  message_retention_seconds = local.dead_letter_retention_s
  sqs_managed_sse_enabled   = true
  policy                    = data.aws_iam_policy_document.dead_letters[each.key].json
}

data "aws_iam_policy_document" "dead_letters" {
  for_each = local.dead_letter_queues

  statement {
    sid       = "Redrive"
    actions   = ["sqs:SendMessage"]
    resources = [each.value.arn]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [each.value.source_topic_arn]
    }
  }
}
