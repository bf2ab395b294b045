variable "packages_directory" {
  description = "The folder that holds the functions' packages: api.zip and index.zip."
  type        = string
}

variable "name_prefix" {
  description = "What the names of everything begin with."
  type        = string
  default     = "notes"
}
