resource "aws_sns_topic" "to_decrypt" {
  name = "${var.name_prefix}-to-decrypt"
}

resource "aws_sns_topic" "to_process" {
  name = "${var.name_prefix}-to-process"
}

# What SNS can't hand to Lambda goes where Lambda sends what it can't finish.
resource "aws_sns_topic_subscription" "decrypt" {
  topic_arn      = aws_sns_topic.to_decrypt.arn
  protocol       = "lambda"
  endpoint       = module.decrypt.arn
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters["decrypt"].arn })
}

resource "aws_sns_topic_subscription" "process" {
  topic_arn      = aws_sns_topic.to_process.arn
  protocol       = "lambda"
  endpoint       = module.process.arn
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters["process"].arn })
}
