variable "name_prefix" {
  description = "Prefix of all resource names, so that one account can have several deployments."
  type        = string
  default     = "shop"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name_prefix))
    error_message = "name_prefix must be 1 to 24 small letters, digits and hyphens, and begin with a letter."
  }
}

variable "key_prefix" {
  description = "Prefix of the shop id in the alias of a shop's key: alias/<key_prefix><shop_id>."
  type        = string
  default     = "shop-"

  validation {
    condition     = can(regex("^[A-Za-z0-9/_-]{1,100}$", var.key_prefix)) && !startswith(var.key_prefix, "aws/")
    error_message = "key_prefix must be 1 to 100 letters, digits, slashes, underscores and hyphens, and not begin with aws/."
  }
}

variable "shop_ids" {
  description = "The shops; each has an RSA key of its own."
  type        = set(string)
  default     = ["AMIS1", "AMIS2"]

  validation {
    condition     = length(var.shop_ids) > 0
    error_message = "shop_ids must hold at least one shop."
  }

  validation {
    condition     = alltrue([for shop_id in var.shop_ids : can(regex("^[A-Za-z0-9_-]{1,64}$", shop_id))])
    error_message = "Each of shop_ids must be 1 to 64 letters, digits, underscores and hyphens."
  }
}

variable "packages_directory" {
  description = "Folder with accept.zip, decrypt.zip and process.zip."
  type        = string
}

variable "memory_mb" {
  description = "Memory of each function in MB; CPU grows with it."
  type = object({
    accept  = optional(number, 128)
    decrypt = optional(number, 128)
    process = optional(number, 128)
  })
  default = {}

  validation {
    condition = alltrue([
      for memory_mb in values(var.memory_mb) :
      memory_mb >= 128 && memory_mb <= 10240 && floor(memory_mb) == memory_mb
    ])
    error_message = "memory_mb must be whole numbers from 128 to 10240."
  }
}

variable "timeout_s" {
  description = "Timeout of each function in seconds."
  type = object({
    accept  = optional(number, 3)
    decrypt = optional(number, 3)
    process = optional(number, 3)
  })
  default = {}

  validation {
    condition = alltrue([
      for timeout_s in values(var.timeout_s) :
      timeout_s >= 1 && timeout_s <= 900 && floor(timeout_s) == timeout_s
    ])
    error_message = "timeout_s must be whole numbers from 1 to 900."
  }
}

variable "kms_key_arn" {
  description = "Customer managed key for the functions' environment variables; null: the AWS managed key aws/lambda."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be null or the ARN of a KMS key (not of an alias)."
  }
}

variable "maximum_retry_attempts" {
  description = "How often Lambda retries decrypt and process before the event becomes a dead letter."
  type        = number
  default     = 2

  validation {
    condition     = contains([0, 1, 2], var.maximum_retry_attempts)
    error_message = "maximum_retry_attempts must be 0, 1 or 2."
  }
}

variable "maximum_event_age_s" {
  description = "Seconds for which Lambda keeps an event of decrypt or process before it becomes a dead letter."
  type        = number
  default     = 21600

  validation {
    condition     = var.maximum_event_age_s >= 60 && var.maximum_event_age_s <= 21600 && floor(var.maximum_event_age_s) == var.maximum_event_age_s
    error_message = "maximum_event_age_s must be a whole number from 60 to 21600."
  }
}

variable "dead_letter_alarm_depth" {
  description = "Alarm when a dead-letter queue holds at least this many messages."
  type        = number
  default     = 1

  validation {
    condition     = var.dead_letter_alarm_depth >= 1 && floor(var.dead_letter_alarm_depth) == var.dead_letter_alarm_depth
    error_message = "dead_letter_alarm_depth must be a whole number of at least 1."
  }
}

variable "alarm_topic_arns" {
  description = "ARNs of the SNS topics that alarms notify."
  type        = set(string)
  default     = []
}

variable "log_retention_days" {
  description = "Days for which CloudWatch keeps the functions' logs; 0: for ever."
  type        = number
  default     = 14

  validation {
    condition = contains(
      [0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days
    )
    error_message = "log_retention_days must be one of CloudWatch's: 0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}
