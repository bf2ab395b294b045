output "api_url" {
  description = "URL of the API on AWS."
  value       = aws_api_gateway_stage.v1.invoke_url
}

output "table_name" {
  value = aws_dynamodb_table.notes.name
}

output "queue_url" {
  value = aws_sqs_queue.written.url
}

output "dead_letter_queue_url" {
  value = aws_sqs_queue.not_indexed.url
}
