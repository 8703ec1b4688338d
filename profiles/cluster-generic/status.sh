#!/bin/bash
# status.sh JOBID -> running | success | failed; no answer counts as running, so that an outage loses no job
id=${1%%;*}
answer=$(timeout 30 squeue --noheader --states=all --jobs="$id" --format=%T 2>&1)
known=$?
state=${answer%%$'\n'*}
if [ $known -ne 0 ]; then
  case $answer in
    *"Invalid job id"*) state=$(timeout 30 sacct -X -n -P -j "$id" -o State 2>/dev/null | head -n 1) ;;
    *) echo running; exit 0 ;;
  esac
  [ -n "$state" ] || state=FORGOTTEN
fi
case $state in
  COMPLETED) echo success ;;
  ''|PENDING|CONFIGURING|RUNNING|COMPLETING|SUSPENDED|REQUEUED|REQUEUE_*|RESIZING|PREEMPTED|STOPPED|SIGNALING|STAGE_OUT) echo running ;;
  *) echo failed ;;
esac
