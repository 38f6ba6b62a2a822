/** Client and worker of faena, a background-job service. */

export { Client } from "./client.js";
export type { ClientOptions, EnqueueOptions, JobsFilter, RetryPolicy, WaitOptions } from "./client.js";
export {
  FaenaError,
  Failure,
  JobStoppedError,
  RefusedError,
  UnexpectedAnswerError,
  UnreachableError,
  WaitTimeoutError,
} from "./errors.js";
export type { FieldError, StopReason } from "./errors.js";
export { isFinished, Result } from "./job.js";
export type { Job, JobError, Priority, Status } from "./job.js";
export { Task } from "./task.js";
export { Worker } from "./worker.js";
export type { Processor, WorkerOptions } from "./worker.js";
