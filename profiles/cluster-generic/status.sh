#!/bin/bash
# status.sh NUMBER -> running | success | failed
# No answer counts as running: an outage of Slurm loses no job. For another scheduler replace the two questions.
id=${1%%;*}
answer=$(timeout 30 squeue --noheader --states=all --jobs="$id" --format=%T 2>&1)
known=$?
state=${answer%%$'\n'*}
if [ $known -ne 0 ] && [[ $answer != *"Invalid job id"* ]]; then
  echo running
  exit
fi
if [ $known -ne 0 ] || [ -z "$state" ]; then # it ended a while ago: only accounts, where they are kept, know how
  state=$(timeout 30 sacct -X -n -P -j "$id" -o State 2>/dev/null | head -n 1)
fi
case ${state%% *} in
  COMPLETED) echo success ;;
  PENDING|CONFIGURING|RUNNING|COMPLETING|SUSPENDED|REQUEUED|REQUEUE_*|RESIZING|PREEMPTED|STOPPED|SIGNALING|STAGE_OUT)
    echo running ;;
  *) echo failed ;;
esac
