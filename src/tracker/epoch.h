/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which events may be used again? Epochs, counted per CPU.
 *
 * There is one epoch number. Whoever looks at shared events pins the epoch that it sees: it counts
 * itself in its CPU's counter of that epoch's parity, and looks whether the epoch is still the
 * same; if not, it takes the count back and tries again. The epoch goes from e to e + 1 only when
 * nobody is pinned at e - 1. So whoever is pinned at e keeps the epoch at e + 1 at most.
 *
 * An event that was taken out of the table while the epoch was r may still be looked at by those
 * pinned at r or before; all of them are gone when the epoch is r + 2. Retired events of epoch r
 * lie on their CPU's stack r % 4, and who is pinned at x takes from stack (x - 2) % 4. Nobody puts
 * anything on that one meanwhile: those who retire now see x - 1 at least and x + 1 at most. So
 * nothing can come back to a stack while somebody is taking from it, and a plain compare-and-swap
 * of the head is safe (no ABA).
 *
 * Why not a flavour of liburcu: memb and qsbr want each thread to be registered, bp registers
 * it with a mutex, mmap() and sigprocmask() in its first read section. Counters per CPU
 * need no thread's cooperation and may be used in signal handlers: a handler pins one more time.
 * Nobody waits for anybody here: advancing is one look at each CPU and a compare-and-swap.
 *
 * The price: two atomic additions for each pin, and a thread that is preempted while pinned holds
 * back reuse (not progress) on all CPUs.
 */
#ifndef WL_TRACKER_EPOCH_H
#define WL_TRACKER_EPOCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WL_EPOCHS 4 /* stacks of retired events: see above */

/*
 * Who pins. No event begins but under a pin of its event_in(): so the number of these is also that
 * of events begun (and of attempts), which costs nothing extra.
 */
enum wl_pinner {
	WL_PIN_IN,
	WL_PIN_OTHER,
};

/*
 * One per CPU; counters by parity of the epoch. They only grow: whoever reads `left` first and
 * `entered` after it, and finds them equal, knows that nobody was pinned when it read `left`.
 */
struct wl_pins {
	atomic_uint_least64_t entered[2][2]; /* [pinner][parity] */
	atomic_uint_least64_t left[2];
};

/* Where somebody is pinned: give it back to wl_unpin(), on whatever CPU. */
struct wl_pin {
	struct wl_pins *pins;
	uint64_t epoch;
	uint64_t nth; /* entries of this kind before, on this CPU and of this parity */
	unsigned retries;
};

static inline void wl_unpin(struct wl_pin pin)
{
	atomic_fetch_add_explicit(&pin.pins->left[pin.epoch & 1], 1, memory_order_release);
}

static inline struct wl_pin wl_pin(struct wl_pins *pins, const atomic_uint_least64_t *epoch,
				   enum wl_pinner pinner)
{
	struct wl_pin pin = { .pins = pins };
	uint64_t now = atomic_load_explicit(epoch, memory_order_acquire);

	for (;; pin.retries++) {
		pin.epoch = now;
		/* Sequentially consistent: who advances after our second look sees our count. */
		pin.nth = atomic_fetch_add(&pins->entered[pinner][now & 1], 1);
		now = atomic_load(epoch);
		if (__builtin_expect(now == pin.epoch, 1))
			return pin;
		wl_unpin(pin);
	}
}

/* Was nobody pinned at epochs of this parity, a moment ago? */
static inline bool wl_pins_free(struct wl_pins *pins, unsigned parity)
{
	uint64_t left = atomic_load(&pins->left[parity]);

	return atomic_load(&pins->entered[WL_PIN_IN][parity]) +
		       atomic_load(&pins->entered[WL_PIN_OTHER][parity]) ==
	       left;
}

#endif
