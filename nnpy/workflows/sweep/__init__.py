"""Many trainings of one config, to find better values: `nnpy sweep`.

    config ─▶ propose ─▶ course ─▶ processes ═▶ server ─▶ trial (a process, a run folder)
               (Optuna)    (loop)               (forks)

The process that the user starts never loads TensorFlow. It proposes values, keeps what came of
them in Optuna's storage, and lets a server that has TensorFlow loaded fork a process for each
training: its memory, threads and crashes end with it.
"""
