"""What measures the speed and the quality of the engine; each module runs alone and writes build/bench/."""
