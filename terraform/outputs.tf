output "api_id" {
  description = "Id of the REST API."
  value       = aws_api_gateway_rest_api.shop.id
}

output "stage" {
  description = "Stage of the REST API."
  value       = aws_api_gateway_stage.prod.stage_name
}

output "invoke_url" {
  description = "URL to which cash registers POST their orders."
  value       = "${aws_api_gateway_stage.prod.invoke_url}/${aws_api_gateway_resource.shop.path_part}"
}

output "table_name" {
  description = "DynamoDB table of items and booked orders."
  value       = aws_dynamodb_table.shops.name
}

output "key_alias_prefix" {
  description = "Prefix of the shop id in the alias of its key."
  value       = "alias/${var.key_prefix}"
}

output "function_names" {
  description = "Names of the functions."
  value = {
    accept  = module.accept.function_name
    decrypt = module.decrypt.function_name
    process = module.process.function_name
  }
}

output "topic_arns" {
  description = "ARNs of the topics between the functions."
  value = {
    to_decrypt = aws_sns_topic.to_decrypt.arn
    to_process = aws_sns_topic.to_process.arn
  }
}

output "dead_letter_queue_urls" {
  description = "URLs of the dead-letter queues, by function."
  value       = { for function, queue in aws_sqs_queue.dead_letters : function => queue.url }
}
