// All of Dohle for a program that wants it in one line: #include <dohle/dohle.hpp>.
#pragma once

#include "actors/client.hpp"
