variable "function_name" {
  description = "Name of the function, its role and its policy."
  type        = string
}

variable "handler" {
  description = "Module and function that Lambda calls: <module>.<function>."
  type        = string
}

variable "package_path" {
  description = "Path of the zip with the function's code."
  type        = string
}

variable "memory_mb" {
  description = "Memory in MB."
  type        = number
}

variable "timeout_s" {
  description = "Seconds after which Lambda cuts the function off."
  type        = number
}

variable "kms_key_arn" {
  description = "Customer managed key for the environment variables, or null."
  type        = string
}

variable "log_retention_days" {
  description = "Days for which CloudWatch keeps the log."
  type        = number
}

variable "policy_json" {
  description = "What the function may do beside writing its own log."
  type        = string
}

variable "environment_variables" {
  description = "The function's environment variables."
  type        = map(string)
}
