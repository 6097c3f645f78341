/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that ask a job to end, and calls of the kernel that take long. */
#include "job-signals.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <time.h>

#define TICK_MSEC 500

static int came; /* one for the process, as signals are */

static sigset_t held(void)
{
	sigset_t set;

	(void)sigemptyset(&set); /* nothing of this can fail */
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, JOB_SIGNAL_PAUSE);
	return set;
}

void job_signals_hold(void)
{
	sigset_t set = held();

	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int job_signals_came(void)
{
	static const struct timespec at_once = { 0 };
	sigset_t set = held();

	if (came == 0) {
		int signal = sigtimedwait(&set, NULL, &at_once);

		came = signal > 0 ? signal : 0;
	}
	return came;
}

void job_signals_obey(void)
{
	sigset_t set = held();

	if (came == 0 || came == JOB_SIGNAL_PAUSE)
		return;
	(void)signal(came, SIG_DFL);
	(void)raise(came);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* now it comes */
}

/* --- a call in a thread --- */

struct running {
	const struct job_worker *worker;
	int done[2]; /* a pipe: its writing end is closed when the call has ended */
	int result;
};

static void *run(void *data)
{
	struct running *running = data;

	running->result = running->worker->call(running->worker->data);
	(void)close(running->done[1]); /* which is the message */
	return NULL;
}

/* Until the call has ended. */
static void attend(const struct job_worker *worker, int done, int signals)
{
	struct pollfd wait[] = { { .fd = done, .events = POLLIN },
				 { .fd = signals, .events = POLLIN } };

	for (;;) {
		int ready = poll(wait, 2, TICK_MSEC);

		if (ready > 0 && wait[0].revents)
			return;
		if (ready > 0 && wait[1].revents && came == 0 && job_signals_came() != 0) {
			wait[1].fd = -1; /* said once */
			if (worker->stop)
				worker->stop(worker->data, came);
		} else if (ready == 0 && worker->tick) {
			worker->tick(worker->data);
		}
	}
}

int job_worker_run(const struct job_worker *worker, int *errno_ret, struct br_error *err)
{
	struct running running = { .worker = worker };
	sigset_t set = held();
	BR_AUTO_CLOSE int signals = signalfd(-1, &set, SFD_CLOEXEC);
	BR_AUTO_CLOSE int done = -1;
	pthread_t thread;
	int failure;

	if (signals < 0 || pipe2(running.done, O_CLOEXEC) != 0)
		return br_error_set(err, BR_ERR_NOMEM, errno, NULL, "no more descriptors");
	done = running.done[0];
	failure = pthread_create(&thread, NULL, run, &running);
	if (failure != 0) {
		(void)close(running.done[1]); /* nobody has used it */
		return br_error_set(err, BR_ERR_NOMEM, failure, NULL, "no more threads");
	}
	attend(worker, done, signals);
	(void)pthread_join(thread, NULL); /* it has ended, or is about to */
	*errno_ret = running.result;
	return 0;
}
