# What was written is indexed apart from the request: the queue's messages go to the function `index`, at most
# three times each, then to the dead-letter queue.
resource "aws_sqs_queue" "written" {
  name                       = "${var.name_prefix}-written"
  visibility_timeout_seconds = 30

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.not_indexed.arn
    maxReceiveCount     = 3
  })
}

resource "aws_sqs_queue" "not_indexed" {
  name                      = "${var.name_prefix}-not-indexed"
  message_retention_seconds = 1209600
}

resource "aws_lambda_event_source_mapping" "written" {
  event_source_arn        = aws_sqs_queue.written.arn
  function_name           = aws_lambda_function.index.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
}
