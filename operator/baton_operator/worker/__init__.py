"""
The worker of Baton's own engine: it runs registered tasks, which are users' code, and really ends them.

Law: the parent process (`supervisor`) never imports users' code; the child processes (`child`) are the only place that
runs it, one task at a time, started with a scrubbed environment and without any engine's credential. All truth is in
``embedded_task``: whoever dies, a lease runs out and somebody else goes on.

    supervisor ──control pipe──► child          wake, retire, drain, stop
               ◄──report pipe──                 ready, started, ended
"""
